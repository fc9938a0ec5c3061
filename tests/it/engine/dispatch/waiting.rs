//! DI23: `Prefer: wait` answers with what the target answered.

use std::time::{Duration, Instant};

use futures::future::join_all;
use thorn_core::testing::Reply;
use thorn_test_support::Place;

use super::{FORM, answering, encoded, post, receiver};
use crate::{
    app::eventually,
    blog::http::Answer,
    engine::server::{Caller, Server, are, thorn},
};

const WAIT: &str = "prefer: wait=20\r\n";

async fn waiting(caller: &Caller, url: &str, headers: &str) -> Answer {
    let body = format!("_url={}&a=1", encoded(url));
    post(caller, "/dispatch", &format!("{FORM}{headers}"), body.as_bytes()).await
}

fn event_of(answer: &Answer) -> String {
    answer.header("location").rsplit('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn di23_the_answer_is_the_response_of_the_first_attempt_whatever_its_status() {
    let (server, operator) = Server::with(&[("THORN_RETRY_DELAY", "0.5")]).await;
    let target = receiver().await;
    for (status, body) in [(200, "{\"a\": 1.50}"), (204, ""), (404, "not here"), (500, "broken")] {
        target.reply(answering(status, "application/x.y", body));
        let answer = waiting(&operator, &target.url("/"), WAIT).await.expect(200);
        assert_eq!((answer.header("thorn-response-status"), answer.text.as_str()), (&*status.to_string(), body));
        assert_eq!(answer.header("content-type"), "application/x.y");
        assert_eq!((answer.header("preference-applied"), answer.header("vary")), ("wait=20", "prefer"));
        assert_eq!((answer.header("cache-control"), answer.header("x-content-type-options")), ("no-store", "nosniff"));
        assert!(answer.header("content-disposition").starts_with("attachment"), "{answer:?}");
        let id = event_of(&answer);
        assert_eq!(answer.header("location"), format!("http://127.0.0.1:{}/events/{id}", server.port));
        let rows = operator.deliveries(&id, |rows| rows.len() == 1).await;
        assert_eq!(answer.header("thorn-response-to"), rows[0]["id"]);
        if status >= 400 {
            assert_eq!(rows[0]["state"], "waiting", "the retries go on");
            target.reply(Reply::status(200));
            operator.deliveries(&id, are(1, "delivered", 2)).await;
        }
    }
}

#[tokio::test]
async fn di23_without_an_answer_in_time_it_is_202() {
    let (server, operator) = Server::with(&[("THORN_RETRY", "false")]).await;
    let target = receiver().await;
    target.reply(Reply::status(200).delay(Duration::from_secs(3)));
    let slow = waiting(&operator, &target.url("/"), "prefer: wait=1\r\n").await.expect(202);
    assert_eq!((slow.text.as_str(), slow.header("preference-applied")), ("202 Scheduled", ""));
    operator.deliveries(&event_of(&slow), are(1, "delivered", 1)).await;

    // A target that can't be reached has answered as soon as that is known.
    let began = Instant::now();
    let unreachable = waiting(&operator, "http://127.0.0.1:1/", WAIT).await.expect(202);
    assert_eq!(unreachable.header("preference-applied"), "");
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());

    target.reply(answering(200, "text/plain", "quick"));
    for (headers, body) in [
        ("", format!("_url={}", encoded(&target.url("/")))),
        ("prefer: wait=x\r\n", format!("_url={}", encoded(&target.url("/")))),
        ("prefer: wait=0\r\n", format!("_url={}", encoded(&target.url("/")))),
        (WAIT, format!("_url={}&_url={}", encoded(&target.url("/")), encoded(&target.url("/2")))),
        (WAIT, "_topic=a.b".to_owned()),
    ] {
        let answer = post(&operator, "/dispatch", &format!("{FORM}{headers}"), body.as_bytes()).await.expect(202);
        assert_eq!(answer.header("preference-applied"), "", "{headers} {body}");
    }
    let refused = waiting(&server.key(None, "dispatch"), &target.url("/"), WAIT).await.expect(403);
    assert!(refused.text.contains("`dispatch.response`"), "{refused:?}");
}

#[tokio::test]
async fn di23_the_worker_may_be_another_process() {
    let server = Server::on(Place::new().await, &["--no-worker"], &[]).await;
    let operator = server.caller(server.said().into_iter().find(|line| line.starts_with("thk_")).unwrap());
    let target = receiver().await;
    target.reply(answering(201, "text/plain", "from afar"));
    let nobody = waiting(&operator, &target.url("/"), "prefer: wait=1\r\n").await.expect(202);
    assert_eq!(nobody.header("preference-applied"), "");
    let mut worker = thorn(&server.place.url).arg("worker").spawn().unwrap();
    let answer = waiting(&operator, &target.url("/"), WAIT).await;
    let _ = worker.kill();
    worker.wait().unwrap();
    let answer = answer.expect(200);
    assert_eq!((answer.text.as_str(), answer.header("thorn-response-status")), ("from afar", "201"));
}

#[tokio::test]
async fn di23_a_request_that_comes_again_gets_the_same_response_and_sends_nothing() {
    let (_server, operator) = Server::start().await;
    let (target, callback) = (receiver().await, receiver().await);
    target.reply(answering(200, "text/plain", "first"));
    let headers = format!("{WAIT}idempotency-key: k1\r\nthorn-callback: {}\r\n", callback.url("/"));
    let once = waiting(&operator, &target.url("/"), &headers).await.expect(200);
    target.reply(answering(200, "text/plain", "second"));
    let again = waiting(&operator, &target.url("/"), &headers).await.expect(200);
    assert_eq!((again.text.as_str(), again.header("idempotent-replayed")), ("first", "true"));
    assert_eq!((once.header("idempotent-replayed"), event_of(&once)), ("", event_of(&again)));
    // One event has the response, for both who want it.
    let told = super::first(&callback).await;
    assert_eq!(told.body, b"first");
    assert_eq!(target.arrived(), 1);
    let responses = operator.get("/events/?name=dispatch.response").await.expect(200).json();
    assert_eq!(responses.as_array().unwrap().len(), 1, "{responses}");
}

#[tokio::test]
async fn di23_more_than_a_key_may_have_waiting_are_answered_at_once() {
    let (server, operator) = Server::start().await;
    let target = receiver().await;
    target.reply(answering(200, "text/plain", "late").delay(Duration::from_secs(2)));
    let (url, other) = (target.url("/"), server.key(None, "dispatch,dispatch.response"));
    let all = join_all((0..18).map(|_| waiting(&operator, &url, WAIT)));
    let after_them = async {
        eventually("requests under way", || async {
            if target.most_at_once() >= 10 { Ok(()) } else { Err(target.most_at_once().to_string()) }
        })
        .await;
        waiting(&other, &url, WAIT).await
    };
    let (all, other) = tokio::join!(all, after_them);
    let answered = |status| all.iter().filter(|answer| answer.status == status).count();
    assert_eq!((answered(200), answered(202)), (16, 2), "{all:?}");
    other.expect(200);
}
