//! The events that a stream shows to each caller.

use std::time::Duration;

use serde_json::json;
use thorn::{Event, Subscriber, attempt::RetryPolicy};
use thorn_core::testing::Reply;

use super::{Server, stays_silent};

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_hears_their_own_events_and_broadcasts_and_an_operator_hears_all() {
    let server = Server::new().await;
    let open = |user: &str| server.stream(user, "topic=*").header("accept", "text/event-stream").open();
    let (mut alice, mut bob, mut root) = (open("alice").await, open("bob").await, open("root").await);
    let db = server.app.db();
    Event::new("of.alice").sender("alice").send(db, &1).await.unwrap();
    Event::new("of.nobody").send(db, &2).await.unwrap();
    Event::new("of.bob").sender("bob").send(db, &3).await.unwrap();
    Event::new("for.all").sender("bob").broadcast().send(db, &4).await.unwrap();
    for (stream, expected) in [
        (&mut alice, vec!["of.alice", "for.all"]),
        (&mut bob, vec!["of.bob", "for.all"]),
        (&mut root, vec!["of.alice", "of.nobody", "of.bob", "for.all"]),
    ] {
        for name in expected {
            assert_eq!(stream.record().await["event"], name);
        }
        stays_silent(stream, Duration::from_millis(100)).await;
    }
    // The same from the log as live.
    let polled = server.stream("alice", "topic=*&after=earliest&wait=0").answer().await.json();
    let names: Vec<_> = polled["events"].as_array().unwrap().iter().map(|event| event["event"].as_str()).collect();
    assert_eq!(names, [Some("of.alice"), Some("for.all")]);
    let anonymous = super::client::Request::new(server.address, "/stream?topic=*").answer().await;
    assert_eq!((anonymous.status, anonymous.header("www-authenticate")), (401, "Bearer realm=\"streams\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_s_scope_bounds_every_topic() {
    let server = Server::new().await;
    let request = server.stream("root", "topic=*").header("x-scope", "order.**,bill.paid");
    let mut stream = request.header("accept", "text/event-stream").open().await;
    for name in ["user.created", "order.paid", "bill.due", "order", "bill.paid"] {
        server.send(name, &json!(1)).await;
    }
    for name in ["order.paid", "order", "bill.paid"] {
        assert_eq!(stream.record().await["event"], name);
    }
    stays_silent(&mut stream, Duration::from_millis(100)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_headers_and_an_event_s_own_subscribers_never_leave() {
    let server = Server::new().await;
    let subscriber = Subscriber::signed("https://hooks.example/in", "s3cr3t-s3cr3t-s3cr3t-s3cr3t").unwrap();
    let event = Event::new("a.b").broadcast().to(subscriber).header("authorization-token", "t0k3n");
    event.send(server.app.db(), &json!(1)).await.unwrap();
    server.numbered(1).await;
    let options = server.app.text("SELECT options AS text FROM thorn_event").await.remove(0);
    assert!(options.contains("hooks.example") && options.contains("t0k3n"), "a control: {options}");
    let polled = server.stream("root", "topic=*&after=earliest&wait=0").answer().await;
    let events = polled.json()["events"].as_array().unwrap().len();
    assert_eq!(events, 1);
    for secret in ["hooks.example", "s3cr3t", "t0k3n", "authorization-token"] {
        assert!(!polled.text.contains(secret), "{polled:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn st1_only_patterns_that_name_thorn_s_own_events_mean_them() {
    let server = Server::new().await;
    let receiver = server.app.receiver().await;
    receiver.reply(Reply::status(500));
    server.app.subscribe("a.b", &receiver.url("/")).await;
    // Thorn writes its own events only if somebody subscribes to them.
    let told = server.app.receiver().await;
    server.app.subscribe("delivery.*", &told.url("/")).await;
    let worker = server.app.worker().await;
    let (mut all, mut own) = (server.sse("topic=*&topic=**").await, server.sse("topic=delivery.*").await);
    Event::new("a.b").broadcast().retry(RetryPolicy::never()).send(server.app.db(), &1).await.unwrap();
    assert_eq!(own.record().await["event"], "delivery.failed");
    assert_eq!(all.record().await["event"], "a.b");
    stays_silent(&mut all, Duration::from_millis(100)).await;
    let polled = server.poll("topic=*&after=earliest").await;
    assert_eq!(polled["events"].as_array().unwrap().len(), 1, "the same in the log");
    server.app.settled().await;
    worker.stop().await.unwrap();
    server.app.ignore_the_rest();
}
