//! DI22: a callback gets what targets answer.

use std::time::Duration;

use thorn::signing::{Digest, Secret, hook_hmac};
use thorn_core::testing::{Receiver, Reply};
use thorn_test_support::Place;

use super::{FORM, answering, dispatch, encoded, first, post, receiver};
use crate::{
    app::{PATIENCE, eventually},
    engine::server::{Caller, Server, are},
};

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A form with these targets and this callback.
fn form(targets: &[&Receiver], callback: &Receiver) -> String {
    let urls = targets.iter().map(|target| format!("_url={}&", encoded(&target.url("/")))).collect::<String>();
    format!("{urls}_callback={}", encoded(&callback.url("/back")))
}

#[tokio::test]
async fn di22_a_callback_gets_the_bytes_and_the_type_of_each_success_once() {
    let (_server, operator) = Server::with(&[("THORN_RETRY_MAX", "1")]).await;
    let [json, bare, failing, callback] = [receiver().await, receiver().await, receiver().await, receiver().await];
    json.reply(answering(201, "application/vnd.x+json; v=\"1\"", "{\"order\": 7,  \"\u{e9}\":1.50}"));
    failing.reply(answering(500, "text/plain", "no"));
    let body = form(&[&json, &bare, &failing], &callback);
    let headers = format!("{FORM}accept: application/json\r\nthorn-secret: {SECRET}\r\n");
    let answer = post(&operator, "/dispatch", &headers, format!("{body}&a=1").as_bytes()).await.expect(202).json();
    let id = answer["id"].as_str().unwrap();
    operator.deliveries(id, |rows| rows.len() == 3 && rows.iter().all(|row| row["state"] != "waiting")).await;
    let received = callback.wait_for(2, PATIENCE).await.unwrap();
    let of = |url: String| {
        let target = answer["targets"].as_array().unwrap().iter().find(|target| target["url"] == url).unwrap();
        let delivery = target["delivery"].as_str().unwrap();
        received.iter().find(|one| one.header("thorn-response-to") == delivery).expect("a response of the target")
    };
    let told = of(json.url("/"));
    assert_eq!(String::from_utf8_lossy(&told.body), "{\"order\": 7,  \"\u{e9}\":1.50}");
    assert_eq!(told.header("content-type"), "application/vnd.x+json; v=\"1\"");
    assert_eq!((told.path.as_str(), told.header("thorn-response-status")), ("/back", "201"));
    assert_eq!((told.header("hook-event"), told.header("hook-body")), ("dispatch.response", "raw"));
    assert_eq!(told.header("hook-hmac"), hook_hmac(Digest::Sha256, &Secret::new(SECRET), &told.body));
    assert_eq!(told.header("thorn-response-truncated"), "");
    let told = of(bare.url("/"));
    assert_eq!((told.body.as_slice(), told.header("thorn-response-status")), (b"".as_slice(), "204"));
    assert!(!told.headers.contains_key("content-type"), "{told:?}");
    assert!(json.received()[0].body == b"a=1", "no target sees `_callback`");
    assert_eq!(callback.arrived(), 2, "the target that failed answered nothing");
}

#[tokio::test]
async fn di22_a_response_beyond_the_limit_is_cut_and_says_so() {
    let (_server, operator) = Server::with(&[("THORN_MAX_PAYLOAD_BYTES", "6000")]).await;
    for (length, truncated) in [(6_000, ""), (6_001, "true")] {
        let (target, callback) = (receiver().await, receiver().await);
        target.reply(answering(200, "text/plain", "x".repeat(length)));
        let id = dispatch(&operator, &form(&[&target], &callback)).await;
        let told = first(&callback).await;
        assert_eq!((told.body.len(), told.header("thorn-response-truncated")), (6_000, truncated));
        operator.deliveries(&id, are(1, "delivered", 1)).await;
    }
}

#[tokio::test]
async fn di22_a_callback_is_retried_has_none_of_its_own_and_hears_of_each_success() {
    let (_server, operator) = Server::with(&[("THORN_RETRY_MAX", "1")]).await;
    let (target, callback, errback) = (receiver().await, receiver().await, receiver().await);
    target.reply(answering(200, "text/plain", "one"));
    callback.reply(answering(500, "text/plain", "never seen"));
    let form = format!("{}&_errback={}", form(&[&target], &callback), encoded(&errback.url("/")));
    let id = dispatch(&operator, &form).await;
    let received = callback.wait_for(2, PATIENCE).await.unwrap();
    assert_eq!(received[0].header("webhook-id"), received[1].header("webhook-id"));
    operator.deliveries(received[0].header("hook-event-id"), are(1, "dead", 2)).await;
    callback.reply(answering(200, "text/plain", "never seen"));
    target.reply(answering(200, "text/plain", "two"));
    operator.post(&format!("/events/{id}/resend"), serde_json::json!({})).await.expect(202);
    let received = callback.wait_for(3, PATIENCE).await.unwrap();
    assert_eq!(received[2].body, b"two");
    operator.deliveries(received[2].header("hook-event-id"), are(1, "delivered", 1)).await;
    let events = operator.get("/events/").await.expect(200).json();
    let mut names: Vec<_> = events.as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["dispatch.request", "dispatch.response", "dispatch.response"]);
    assert_eq!(errback.arrived(), 0, "nobody hears of a callback that fails");
}

#[tokio::test]
async fn di22_a_callback_needs_its_scope_a_target_and_an_address_that_is_allowed() {
    let (server, operator) = Server::start().await;
    let target = "_url=http%3A%2F%2F127.0.0.1%3A1%2F";
    let callback = "_callback=http%3A%2F%2F127.0.0.1%3A2%2F";
    for key in [server.key(None, "dispatch,read"), server.key(Some("alice"), "dispatch,read")] {
        let answer = post(&key, "/dispatch", FORM, format!("{target}&{callback}").as_bytes()).await.expect(403);
        assert!(answer.text.contains("`dispatch.response`"), "{answer:?}");
        let header = format!("{FORM}thorn-callback: http://127.0.0.1:2/\r\n");
        post(&key, "/dispatch", &header, target.as_bytes()).await.expect(403);
    }
    for (form, named) in [
        (format!("{target}&_callback=http%3A%2F%2F169.254.169.254%2F"), "`_callback` http://169.254.169.254/"),
        (format!("{target}&_callback=x"), "`_callback` x"),
        (format!("{target}&{callback}&{callback}"), "`_callback` is given more than once"),
        (format!("_topic=a.b&{callback}"), "there is no `_url`"),
    ] {
        let answer = post(&operator, "/dispatch", FORM, form.as_bytes()).await.expect(400);
        assert!(answer.text.contains(named), "{form}: {}", answer.text);
    }
    assert_eq!(operator.get("/events/").await.expect(200).json(), serde_json::json!([]));
}

#[tokio::test]
async fn di22_a_callback_that_resolves_to_a_refused_address_is_blocked() {
    // The target's address is allowed with its port. The callback's name is resolved when it is connected to.
    let target = receiver().await;
    target.reply(answering(200, "text/plain", "secret"));
    let allowed = target.url("/").trim_start_matches("http://").trim_end_matches('/').to_owned();
    let settings = [("THORN_ALLOW_NETWORKS", allowed.as_str()), ("THORN_RETRY", "false")];
    let (_server, operator) = Server::with(&settings).await;
    let form = format!("_url={}&_callback=http%3A%2F%2Flocalhost%2F", encoded(&target.url("/")));
    dispatch(&operator, &form).await;
    let id = response_of(&operator).await;
    let rows = operator.deliveries(&id, are(1, "dead", 1)).await;
    assert_eq!(rows[0]["outcome"], "blocked", "{rows:?}");
}

/// The id of the only event `dispatch.response`.
async fn response_of(operator: &Caller) -> String {
    eventually("a response", || async {
        let found = operator.get("/events/?name=dispatch.response").await.expect(200).json();
        found[0]["id"].as_str().map(str::to_owned).ok_or_else(|| found.to_string())
    })
    .await
}

/// The worker dies at any moment between the request to the target and the callback's.
#[tokio::test]
async fn di22_kill_9_at_any_moment_loses_no_callback_and_doubles_none() {
    const DISPATCHES: usize = 40;
    let (mut server, mut operator) = Server::with(&[]).await;
    let (target, callback) = (receiver().await, receiver().await);
    target.reply(answering(200, "text/plain", "yes").delay(Duration::from_millis(5)));
    let mut ids = Vec::new();
    for n in 0..DISPATCHES {
        ids.push(dispatch(&operator, &form(&[&target], &callback)).await);
        if n % 8 == 7 {
            let (key, place): (String, Place) = (operator.key().to_owned(), server.kill());
            server = Server::on(place, &[], &[]).await;
            operator = server.caller(key);
        }
    }
    for id in &ids {
        operator.deliveries(id, are(1, "delivered", 1)).await;
    }
    let responses = eventually("all responses", || async {
        let found = operator.get("/events/?name=dispatch.response").await.expect(200).json();
        let rows = found.as_array().unwrap().clone();
        let is_done = |row: &serde_json::Value| row["targets"][0]["state"] == "delivered";
        if rows.len() == DISPATCHES && rows.iter().all(is_done) { Ok(rows) } else { Err(found.to_string()) }
    })
    .await;
    assert_eq!(responses.len(), DISPATCHES);
    // A request whose record was lost with its worker is sent again, with the same id.
    let told = callback.received();
    let mut told: Vec<_> = told.iter().map(|one| (one.header("webhook-id"), one.header("thorn-response-to"))).collect();
    told.sort_unstable();
    told.dedup();
    assert_eq!(told.len(), DISPATCHES, "one callback with one id for each delivery");
}

#[tokio::test]
async fn di22_other_deliveries_read_no_more_of_a_response_than_ever() {
    let (_server, operator) = Server::start().await;
    let target = receiver().await;
    target.reply(Reply { body: "x".repeat(100_000), ..Reply::status(200) });
    let id = dispatch(&operator, &format!("_url={}", encoded(&target.url("/")))).await;
    operator.deliveries(&id, are(1, "delivered", 1)).await;
    let events = operator.get("/events/").await.expect(200).json();
    assert_eq!(events.as_array().unwrap().len(), 1, "{events}");
}
