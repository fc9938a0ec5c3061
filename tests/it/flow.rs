//! From a committed event to a recorded delivery.

use sea_orm::TransactionTrait;
use thorn::{
    DeliveryId,
    attempt::{DeliveryState, Outcome},
    event::Event,
    signing::verify_standard,
};

use crate::app::{PATIENCE, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn thorn_143_a_committed_event_arrives_signed_and_is_recorded() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("user.*", &receiver.url("/hook?a=1")).await;
    let worker = app.worker().await;

    let id = Event::new("user.created").sender("alice").send(app.db(), &serde_json::json!({"n": 1})).await.unwrap();

    let request = receiver.wait_for(1, PATIENCE).await.unwrap().remove(0);
    let body = r#"{"event":"user.created","ref":null,"sender":"alice","data":{"n":1}}"#;
    assert_eq!(String::from_utf8_lossy(&request.body), body);
    assert_eq!(request.path, "/hook?a=1");
    let delivery = DeliveryId::derive(id, subscription.id).to_string();
    for (name, value) in [
        ("content-type", "application/json"),
        ("hook-event", "user.created"),
        ("hook-delivery", &delivery),
        ("hook-subscription", &subscription.id.to_string()),
        ("hook-hmac", &subscription.spec.destination.signing.hook_hmac(body.as_bytes()).unwrap()),
        ("webhook-id", &delivery),
    ] {
        assert_eq!(request.header(name), value, "{name}");
    }
    verify_standard(
        subscription.spec.destination.signing.secret.as_ref().unwrap(),
        request.header("webhook-id"),
        request.header("webhook-timestamp"),
        request.header("webhook-signature"),
        &request.body,
        thorn::timestamp::Timestamp::now(),
        std::time::Duration::from_secs(300),
    )
    .unwrap();

    let rows = app.deliveries(&subscription, |rows| rows.len() == 1).await;
    assert_eq!(rows[0].state, Some(DeliveryState::Delivered));
    assert_eq!((rows[0].outcome, rows[0].status, rows[0].attempts), (Some(Outcome::Delivered), Some(204), 1));
    app.settled().await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_nobody_holds_keeps_running() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/")).await;
    drop(app.worker().await);
    // One that stopped may have taken the first event before.
    for arrived in 1..=3 {
        app.send_many(1).await;
        receiver.wait_for(arrived, PATIENCE).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_077_a_rolled_back_event_is_never_sent() {
    let (app, receiver, _, worker) = TestApp::delivering("*").await;

    let txn = app.db().begin().await.unwrap();
    Event::new("a.rolled_back").send(&txn, &()).await.unwrap();
    txn.rollback().await.unwrap();
    let txn = app.db().begin().await.unwrap();
    Event::new("a.committed").send(&txn, &()).await.unwrap();
    txn.commit().await.unwrap();

    let received = receiver.wait_for(1, PATIENCE).await.unwrap();
    assert_eq!(received[0].header("hook-event"), "a.committed");
    app.settled().await;
    assert_eq!(receiver.received().len(), 1);
    worker.stop().await.unwrap();
}
