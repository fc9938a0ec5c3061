//! The answers to callers whose dispatch is taken.

use std::time::Duration;

use thorn_core::testing::Reply;

use super::{FORM, dispatch, encoded, first, post, receiver};
use crate::{app::PATIENCE, engine::server::Server};

#[tokio::test]
async fn di2_json_names_the_event_and_its_targets() {
    let (server, operator) = Server::start().await;
    let target = receiver().await;
    let body = format!("_url={}&a=1", encoded(&target.url("/")));
    let headers = format!("{FORM}accept: text/html, application/json;q=0.9\r\n");
    let answer = post(&operator, "/dispatch", &headers, body.as_bytes()).await.expect(202);
    let json = answer.json();
    let id = json["id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("http://127.0.0.1:{}/events/{id}", server.port));
    assert_eq!(
        (&json["topic"], json["targets"][0]["url"].as_str()),
        (&serde_json::Value::Null, Some(&*target.url("/")))
    );
    first(&target).await;
    // The place in `Location` has the event and its bytes.
    let shown = operator.get(&format!("/events/{id}")).await.expect(200).json();
    assert_eq!((shown["event"].as_str(), &shown["body"]), (Some("dispatch.request"), &serde_json::Value::Null));
    let bytes = operator.get(&format!("/events/{id}/body")).await.expect(200);
    assert_eq!((bytes.text.as_str(), bytes.header("content-type")), ("a=1", "application/x-www-form-urlencoded"));
    assert_eq!(bytes.header("x-content-type-options"), "nosniff");
    assert!(bytes.header("content-disposition").starts_with("attachment"), "{bytes:?}");
}

#[tokio::test]
async fn di17_the_answer_doesnt_wait_for_the_target() {
    let (_server, operator) = Server::start().await;
    let target = receiver().await;
    target.reply(Reply::status(204).delay(Duration::from_secs(10)));
    let began = std::time::Instant::now();
    dispatch(&operator, &format!("_url={}", encoded(&target.url("/")))).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
    first(&target).await;
}

#[tokio::test]
async fn an_idempotency_key_dispatches_once() {
    let (_server, operator) = Server::start().await;
    let target = receiver().await;
    let (key, body) = (format!("{FORM}idempotency-key: k1\r\n"), format!("_url={}&a=1", encoded(&target.url("/"))));
    let once = post(&operator, "/dispatch", &key, body.as_bytes()).await.expect(202);
    let again = post(&operator, "/dispatch", &key, body.as_bytes()).await.expect(202);
    assert_eq!((once.text.as_str(), again.header("idempotent-replayed")), (again.text.as_str(), "true"));
    assert_eq!(once.header("location"), again.header("location"));
    post(&operator, "/dispatch", &key, format!("{body}2").as_bytes()).await.expect(422);
    // The next one arrives after the first, which therefore came once.
    dispatch(&operator, &format!("_url={}&a=2", encoded(&target.url("/")))).await;
    let bodies: Vec<_> = target.wait_for(2, PATIENCE).await.unwrap().into_iter().map(|one| one.body).collect();
    assert!(bodies.contains(&b"a=1".to_vec()) && bodies.contains(&b"a=2".to_vec()), "{bodies:?}");
}
