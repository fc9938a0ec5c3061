//! DI21: who dispatches hears of targets that fail for good.

use thorn::signing::{Digest, Secret, hook_hmac};
use thorn_core::testing::Reply;

use super::{FORM, dispatch, encoded, post, receiver};
use crate::{
    app::PATIENCE,
    engine::server::{Server, are},
};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

#[tokio::test]
async fn di21_an_errback_hears_once_of_each_target_that_fails_for_good() {
    let (_server, operator) = Server::with(&[("THORN_RETRY_MAX", "1")]).await;
    let (good, bad, gone, errback) = (receiver().await, receiver().await, receiver().await, receiver().await);
    bad.reply(Reply::status(500));
    gone.reply(Reply::status(410));
    let urls = [&good, &bad, &gone].map(|target| format!("_url={}&", encoded(&target.url("/")))).concat();
    let body = format!("{urls}_errback={}&a=1", encoded(&errback.url("/errback")));
    let headers = format!("{FORM}accept: application/json\r\nthorn-secret: {SECRET}\r\n");
    let answer = post(&operator, "/dispatch", &headers, body.as_bytes()).await.expect(202).json();
    let id = answer["id"].as_str().unwrap();
    let rows =
        operator.deliveries(id, |rows| rows.len() == 3 && rows.iter().all(|row| row["state"] != "waiting")).await;
    let received = errback.wait_for(2, PATIENCE).await.unwrap();
    for request in &received {
        let told = request.json();
        let row = rows.iter().find(|row| row["id"] == told["delivery"]).unwrap();
        for field in ["url", "state", "attempts", "outcome", "status"] {
            assert_eq!(told[field], row[field], "{field} of {told}");
        }
        assert_eq!((told["event"].as_str(), told["state"].as_str()), (Some(id), Some("dead")));
        assert!(told["error"].as_str().unwrap().contains("the receiver answered"), "{told}");
        assert_eq!(told.as_object().unwrap().len(), 8);
        assert_eq!((request.path.as_str(), request.header("hook-event")), ("/errback", "dispatch.failed"));
        assert_eq!(request.header("hook-hmac"), hook_hmac(Digest::Sha256, &Secret::new(SECRET), &request.body));
    }
    let mut attempts: Vec<_> = received.iter().map(|request| request.json()["attempts"].as_u64().unwrap()).collect();
    attempts.sort_unstable();
    assert_eq!(attempts, [1, 2]);
    for target in [&good, &bad, &gone] {
        assert!(target.received().iter().all(|one| one.body == b"a=1"), "no target sees `_errback`");
    }
}

#[tokio::test]
async fn di21_an_errback_is_retried_and_has_no_errback_of_its_own() {
    let (server, _) = Server::with(&[("THORN_RETRY_MAX", "1"), ("THORN_ALLOW_NETWORKS", "127.0.0.1/32")]).await;
    let alice = server.key(Some("alice"), "dispatch,read");
    let errback = receiver().await;
    errback.reply(Reply::status(500));
    // A port that nothing listens on. An owner learns the outcome, and no more of the operator's network.
    dispatch(&alice, &format!("_url=http%3A%2F%2F127.0.0.1%3A1%2F&_errback={}", encoded(&errback.url("/")))).await;
    let received = errback.wait_for(2, PATIENCE).await.unwrap();
    assert_eq!(received[0].body, received[1].body);
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    let told = received[0].json();
    assert_eq!((&told["outcome"], &told["error"]), (&"unreachable".into(), &serde_json::Value::Null), "{told}");
    let failed = received[0].header("hook-event-id");
    alice.deliveries(failed, are(1, "dead", 2)).await;
    let events = alice.get("/events/").await.expect(200).json();
    let names: Vec<_> = events.as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names, ["dispatch.failed", "dispatch.request"]);
    assert_eq!(errback.arrived(), 2);
}

#[tokio::test]
async fn di21_an_errback_hears_again_of_a_target_that_fails_again_after_a_resend() {
    let (_server, operator) = Server::with(&[("THORN_RETRY", "false")]).await;
    let (target, errback) = (receiver().await, receiver().await);
    target.reply(Reply::status(500));
    let urls = [&target, &errback].map(|one| encoded(&one.url("/")));
    let id = dispatch(&operator, &format!("_url={}&_errback={}", urls[0], urls[1])).await;
    for attempts in 1..=3 {
        operator.deliveries(&id, are(1, "dead", attempts)).await;
        let told = errback.wait_for(attempts as usize, PATIENCE).await.unwrap();
        assert_eq!(told.last().unwrap().json()["attempts"], attempts);
        operator.post(&format!("/events/{id}/resend"), serde_json::json!({})).await.expect(202);
    }
    let mut ids: Vec<_> = errback.received().iter().map(|one| one.header("webhook-id").to_owned()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each news has an id of its own: {ids:?}");
}

#[tokio::test]
async fn di21_an_errback_passes_the_checks_of_a_target() {
    let (_server, operator) = Server::start().await;
    let target = "_url=http%3A%2F%2F127.0.0.1%3A1%2F";
    for (form, named) in [
        (format!("{target}&_errback=http%3A%2F%2F169.254.169.254%2F"), "`_errback` http://169.254.169.254/"),
        (format!("{target}&_errback=x"), "`_errback` x"),
        (
            format!("{target}&_errback=http%3A%2F%2Fx%2F&_errback=http%3A%2F%2Fy%2F"),
            "`_errback` is given more than once",
        ),
        ("_topic=a.b&_errback=http%3A%2F%2F127.0.0.1%3A1%2F".to_owned(), "there is no `_url`"),
    ] {
        let answer = post(&operator, "/dispatch", FORM, form.as_bytes()).await.expect(400);
        assert!(answer.text.contains(named), "{form}: {}", answer.text);
    }
    assert_eq!(operator.get("/events/").await.expect(200).json(), serde_json::json!([]));
}
