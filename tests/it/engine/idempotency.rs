//! `Idempotency-Key`: a request that comes again is done once.

use futures::future::join_all;
use serde_json::json;
use thorn_core::testing::Receiver;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::server::{Server, are};
use crate::blog::http;

const KEY: &str = "idempotency-key: \"8e03978e-40d5\"\r\n";

#[tokio::test]
async fn ac11_the_same_key_publishes_one_event_and_another_body_is_422() {
    let (server, operator) = Server::start().await;
    let event = json!({ "event": "a.b", "data": 1 });
    let first = operator.post_with("/events/", KEY, event.clone()).await.expect(201);
    assert_eq!(first.header("idempotent-replayed"), "");
    for same in [KEY, "idempotency-key: 8e03978e-40d5\r\n"] {
        let again = operator.post_with("/events/", same, event.clone()).await.expect(201);
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!((again.header("location"), &again.text), (first.header("location"), &first.text));
        assert_eq!(again.header("content-type"), first.header("content-type"));
    }
    operator.post_with("/events/", KEY, json!({ "event": "a.b", "data": 2 })).await.expect(422);
    operator.post_with("/events/?x=1", KEY, event.clone()).await.expect(422);
    operator.post_with("/events/", &format!("{KEY}thorn-x: 1\r\n"), event.clone()).await.expect(422);

    // Another API key's idempotency key is another one.
    let other = server.key(None, "publish");
    other.post_with("/events/", KEY, event.clone()).await.expect(201);
    for bad in ["", "\"\"", "a b", &"x".repeat(256)] {
        operator.post_with("/events/", &format!("idempotency-key: {bad}\r\n"), event.clone()).await.expect(400);
    }
    operator.post_with("/events/", &format!("{KEY}{KEY}"), event.clone()).await.expect(400);
    assert_eq!(operator.get("/events/").await.json().as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn ac11_twenty_requests_at_once_on_two_servers_publish_one_event() {
    let (server, operator) = Server::start().await;
    let other = Server::on(thorn_test_support::Place::given(server.place.url.clone()), &["--no-worker"], &[]).await;
    let callers = [operator.clone(), other.caller(operator.key())];
    let event = json!({ "event": "a.b", "data": 1 });
    let answers = join_all((0..20).map(|n| callers[n % 2].post_with("/events/", KEY, event.clone()))).await;
    let (created, rest): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
    assert!(rest.iter().all(|answer| answer.status == 409 && !answer.header("retry-after").is_empty()), "{rest:?}");
    let first = created.iter().filter(|answer| answer.header("idempotent-replayed").is_empty()).count();
    assert_eq!(first, 1, "{created:?}");
    assert!(created.iter().all(|answer| answer.text == created[0].text), "{created:?}");
    assert_eq!(operator.get("/events/").await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_whose_request_is_under_way_is_409_and_an_error_is_not_remembered() {
    let (server, operator) = Server::start().await;
    let head = format!(
        "POST /events/ HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: 24\r\nexpect: 100-continue\r\n{KEY}{}\r\n",
        operator.authorization()
    );
    let mut slow = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    slow.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body after it has taken the key into use.
    tokio::io::AsyncReadExt::read_exact(&mut slow, &mut [0; 25]).await.unwrap();
    let event = json!({ "event": "a.b", "data": 7 });
    let busy = operator.post_with("/events/", KEY, event.clone()).await.expect(409);
    assert_eq!(busy.header("retry-after"), "1");
    slow.write_all(b"{\"event\":\"a.b\",\"data\":!}").await.unwrap();
    http::answer(slow).await.expect(400);
    // Neither the error nor a client that goes away holds the key.
    drop(TcpStream::connect(("127.0.0.1", server.port)).await.unwrap());
    operator.post_with("/events/", KEY, event).await.expect(201);
}

#[tokio::test]
async fn a_resend_with_a_key_is_done_once() {
    let (_server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    operator.subscribe("a.b", &receiver.url("/")).await;
    let id = operator.publish(json!({ "event": "a.b", "data": 1 })).await;
    operator.deliveries(&id, are(1, "delivered", 1)).await;
    let path = format!("/events/{id}/resend");
    let first = operator.post_with(&path, KEY, json!({})).await.expect(202);
    operator.deliveries(&id, are(1, "delivered", 2)).await;
    let again = operator.post_with(&path, KEY, json!({})).await.expect(202);
    assert_eq!((again.header("idempotent-replayed"), &again.text), ("true", &first.text));
    operator.post(&path, json!({})).await.expect(202);
    operator.deliveries(&id, are(1, "delivered", 3)).await;
    assert_eq!(receiver.arrived(), 3, "the replayed request sent nothing");
}
