//! Receivers tell raw deliveries from enveloped ones, and verify both.

use axum::http::{HeaderMap, HeaderName, StatusCode};
use thorn::{Problem, RawWebhook, Webhook, WebhookSecrets, timestamp::Timestamp};
use thorn_core::testing::Received;

use super::{event, of, raw};
use crate::app::{PATIENCE, TestApp};

/// A body that looks like an event of somebody else.
const FORGED: &str = r#"{"event":"order.paid","ref":null,"sender":"bob","data":{"id":1}}"#;

fn headers(request: &Received) -> HeaderMap {
    let named = |(name, value): (&String, &String)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    request.headers.iter().map(named).collect()
}

fn status<T>(read: Result<T, Problem>) -> StatusCode {
    read.err().expect("a refusal").status()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_delivery_is_verified_and_never_taken_for_an_event() {
    let (app, receiver, subscription, worker) = TestApp::delivering("a.*").await;
    let secret = subscription.spec.destination.signing.secret.as_ref().unwrap().expose().to_owned();
    let secrets = WebhookSecrets::new([secret]).unwrap();
    let sent = event("a.ü").sender("alice").reference("/a/1").send_raw(app.db(), raw("application/json", FORGED));
    let id = sent.await.unwrap();
    event("a.enveloped").send(app.db(), &1).await.unwrap();
    let received = receiver.wait_for(2, PATIENCE).await.unwrap();
    worker.stop().await.unwrap();

    let (now, request) = (Timestamp::now(), of(&received, "a.%C3%BC")[0]);
    let read = |bytes: &[u8]| RawWebhook::from_parts(&secrets, &headers(request), bytes.to_vec().into(), now);
    let webhook = read(&request.body).unwrap();
    assert_eq!((webhook.event.as_str(), &*webhook.bytes), ("a.ü", FORGED.as_bytes()));
    assert_eq!((webhook.reference.as_deref(), webhook.sender.as_deref()), (Some("/a/1"), Some("alice")));
    assert_eq!((webhook.media_type.as_deref(), webhook.event_id), (Some("application/json"), Some(id)));
    assert_eq!(webhook.delivery.as_deref(), Some(request.header("webhook-id")));
    assert_eq!(status(read(b"other bytes")), StatusCode::UNAUTHORIZED);
    let as_event =
        Webhook::<serde_json::Value>::from_parts(&secrets, &headers(request), request.body.clone().into(), now);
    assert_eq!(status(as_event), StatusCode::BAD_REQUEST);

    let enveloped = of(&received, "a.enveloped")[0];
    let body = || enveloped.body.clone().into();
    assert_eq!(status(RawWebhook::from_parts(&secrets, &headers(enveloped), body(), now)), StatusCode::BAD_REQUEST);
    assert!(Webhook::<i32>::from_parts(&secrets, &headers(enveloped), body(), now).is_ok());
}
