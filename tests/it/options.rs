//! Options of a subscription besides its URL and pattern: signer, no signature, own headers.

use thorn::{
    Event, SubscriptionId,
    signing::{Digest, SignatureError, Signer, verify_compat_hmac, verify_hook_hmac},
    subscription::{NewSubscription, Subscription},
    timestamp::Timestamp,
};
use thorn_axum::WebhookSecrets;
use thorn_core::testing::Received;

use crate::app::{self, PATIENCE, TestApp};

async fn subscribe(app: &TestApp, new: NewSubscription) -> Subscription {
    app.thorn.subscriptions().create(new).await.unwrap()
}

/// The request that went to this subscription.
fn to(received: &[Received], id: SubscriptionId) -> &Received {
    received.iter().find(|request| request.header("hook-subscription") == id.to_string()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_087_147_a_compat_delivery_is_what_python_s_thorn_sends_and_no_plain_hmac() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let new = |path, signer| {
        NewSubscription::new("a.b", receiver.url(path))
            .signer(signer)
            .digest(Digest::Sha1)
            .secret("a-secret-of-24-bytes-000")
    };
    let compat = subscribe(&app, new("/compat", Signer::Compat)).await;
    let plain = subscribe(&app, new("/plain", Signer::Hmac)).await;
    let worker = app.worker().await;
    Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
    let received = receiver.wait_for(2, PATIENCE).await.unwrap();
    worker.stop().await.unwrap();

    let secret = compat.spec.destination.signing.secret.as_ref().unwrap();
    let (by_compat, by_hmac) = (to(&received, compat.id), to(&received, plain.id));
    let header = by_compat.header("hook-hmac");
    assert_eq!(verify_compat_hmac(compat.spec.destination.signing.digest, secret, &by_compat.body, header), Ok(()));
    assert!(verify_hook_hmac(compat.spec.destination.signing.digest, secret, &by_compat.body, header).is_err());
    assert_eq!(compat.spec.destination.signing.hook_hmac(&by_compat.body).as_deref(), Some(header));

    // The extractor for receivers doesn't take one for the other.
    let verify = |request: &Received| {
        let header = request.header("hook-hmac").parse().unwrap();
        let headers = axum::http::HeaderMap::from_iter([("hook-hmac".parse().unwrap(), header)]);
        let secrets =
            WebhookSecrets::new([secret.expose()]).unwrap().or_hook_hmac(compat.spec.destination.signing.digest);
        secrets.verify(&headers, &request.body, Timestamp::now())
    };
    assert_eq!(verify(by_hmac), Ok(()));
    assert!(matches!(verify(by_compat), Err(SignatureError::Mismatch | SignatureError::Malformed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_signature_only_what_is_unsigned_even_if_the_queue_strips_it() {
    if !app::sees_tasks() {
        return;
    }
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let signed = subscribe(&app, NewSubscription::new("a.b", receiver.url("/signed"))).await;
    let unsigned = subscribe(&app, NewSubscription::new("a.b", receiver.url("/unsigned")).unsigned()).await;
    let worker = app.worker().await;
    // Somebody who can write to the queue strips every signature.
    app.forge_a_task(r#""deliveries":["#, r#""deliveries":[[0,0,null],[0,1,null]],"more":["#).await;
    Event::new("a.b").broadcast().send(app.db(), &"genuine").await.unwrap();
    let received = receiver.wait_for(2, PATIENCE).await.unwrap();
    app.settled().await;
    worker.stop().await.unwrap();

    let request = to(&received, unsigned.id);
    assert_eq!(request.json()["data"], "genuine");
    assert_eq!((request.header("hook-hmac"), request.header("webhook-signature")), ("", ""));
    assert!(!request.header("webhook-id").is_empty() && !request.header("webhook-timestamp").is_empty());
    let request = to(&received, signed.id);
    assert_eq!(request.json()["data"], "genuine");
    assert_eq!(request.header("hook-hmac"), signed.spec.destination.signing.hook_hmac(&request.body).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_145_a_subscription_s_headers_go_along_and_the_event_s_win() {
    if !app::sees_tasks() {
        return;
    }
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let new = NewSubscription::new("a.b", receiver.url("/"));
    subscribe(&app, new.header("Authorization", "Bearer hush").header("X-Tenant", "green")).await;
    let worker = app.worker().await;
    app.watch_tasks().await;
    Event::new("a.b").broadcast().header("X-Tenant", "blue").send(app.db(), &1).await.unwrap();
    let request = receiver.wait_for(1, PATIENCE).await.unwrap().remove(0);
    worker.stop().await.unwrap();
    assert_eq!((request.header("authorization"), request.header("x-tenant")), ("Bearer hush", "blue"));
    let passed = app.seen_tasks().await;
    assert!(passed[0].contains("a.b") && !passed[0].contains("hush"), "no credential is on the queue: {passed:?}");
}
