//! Options of a subscription besides its URL and pattern: signer, no signature, own headers.

use thorn::{
    Event, SubscriptionId, Timestamp,
    event::ExtraHeaders,
    signing::{SignatureError, verify_compat_hmac, verify_hook_hmac},
    subscription::{NewSubscription, Subscription},
};
use thorn_axum::WebhookSecrets;
use thorn_core::testing::Received;

use crate::app::{self, PATIENCE, TestApp};

async fn subscribe(app: &TestApp, url: String, new: NewSubscription) -> Subscription {
    app.thorn.subscriptions().create(NewSubscription { pattern: "a.b".into(), url, ..new }).await.unwrap()
}

/// The request that went to this subscription.
fn to(received: &[Received], id: SubscriptionId) -> &Received {
    received.iter().find(|request| request.header("hook-subscription") == id.to_string()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_087_147_a_compat_delivery_is_what_python_s_thorn_sends_and_no_plain_hmac() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let new = |signer: &str| NewSubscription {
        signer: Some(signer.into()),
        digest: Some("SHA1".into()),
        secret: Some("s3cr3t".into()),
        ..NewSubscription::default()
    };
    let compat = subscribe(&app, receiver.url("/compat"), new("Compat")).await;
    let plain = subscribe(&app, receiver.url("/plain"), new("hmac")).await;
    let worker = app.worker().await;
    Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
    let received = receiver.wait_for(2, PATIENCE).await.unwrap();
    worker.stop().await.unwrap();

    let secret = compat.destination.signing.secret.as_ref().unwrap();
    let (by_compat, by_hmac) = (to(&received, compat.id), to(&received, plain.id));
    let header = by_compat.header("hook-hmac");
    assert_eq!(verify_compat_hmac(compat.destination.signing.digest, secret, &by_compat.body, header), Ok(()));
    assert!(verify_hook_hmac(compat.destination.signing.digest, secret, &by_compat.body, header).is_err());
    assert_eq!(compat.destination.signing.hook_hmac(&by_compat.body).as_deref(), Some(header));

    // The extractor for receivers doesn't take one for the other.
    let verify = |request: &Received| {
        let header = request.header("hook-hmac").parse().unwrap();
        let headers = axum::http::HeaderMap::from_iter([("hook-hmac".parse().unwrap(), header)]);
        let secrets = WebhookSecrets::new([secret.expose()]).or_hook_hmac(compat.destination.signing.digest);
        secrets.verify(&headers, &request.body, Timestamp::now())
    };
    assert_eq!(verify(by_hmac), Ok(()));
    assert!(matches!(verify(by_compat), Err(SignatureError::Mismatch | SignatureError::Malformed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_signature_only_what_is_unsigned_and_a_stripped_one_is_made_anew() {
    if !app::sees_tasks() {
        return;
    }
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let signed = subscribe(&app, receiver.url("/signed"), NewSubscription::default()).await;
    let unsigned = NewSubscription { unsigned: true, ..NewSubscription::default() };
    let unsigned = subscribe(&app, receiver.url("/unsigned"), unsigned).await;
    let worker = app.worker().await;
    // Somebody who can write to the queue replaces the body and strips every signature.
    app.on_each_task(
        "UPDATE Jobs SET job = CAST(replace(json_remove(CAST(NEW.job AS TEXT), \
         '$.deliveries[0].h', '$.deliveries[1].h'), 'genuine', 'forged') AS BLOB) WHERE id = NEW.id",
        "UPDATE apalis.jobs SET job = convert_to(replace((convert_from(NEW.job, 'UTF8')::jsonb \
         #- '{deliveries,0,h}' #- '{deliveries,1,h}')::text, 'genuine', 'forged'), 'UTF8') WHERE id = NEW.id",
    )
    .await;
    Event::new("a.b").broadcast().send(app.db(), &"genuine").await.unwrap();
    let received = receiver.wait_for(2, PATIENCE).await.unwrap();
    app.settled().await;
    worker.stop().await.unwrap();

    let request = to(&received, unsigned.id);
    assert_eq!(request.json()["data"], "forged", "the queue was tampered with: nobody can tell");
    assert_eq!((request.header("hook-hmac"), request.header("webhook-signature")), ("", ""));
    assert!(!request.header("webhook-id").is_empty() && !request.header("webhook-timestamp").is_empty());
    let request = to(&received, signed.id);
    assert_eq!(request.json()["data"], "genuine");
    assert_eq!(request.header("hook-hmac"), signed.destination.signing.hook_hmac(&request.body).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_145_a_subscription_s_headers_go_along_and_the_event_s_win() {
    if !app::sees_tasks() {
        return;
    }
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let headers = ExtraHeaders::from_iter([("Authorization", "Bearer hush"), ("X-Tenant", "green")]);
    let new = NewSubscription { headers, ..NewSubscription::default() };
    subscribe(&app, receiver.url("/"), new).await;
    let worker = app.worker().await;
    app.watch_tasks().await;
    Event::new("a.b").broadcast().header("X-Tenant", "blue").send(app.db(), &1).await.unwrap();
    let request = receiver.wait_for(1, PATIENCE).await.unwrap().remove(0);
    worker.stop().await.unwrap();
    assert_eq!((request.header("authorization"), request.header("x-tenant")), ("Bearer hush", "blue"));
    let passed = app.seen_tasks().await;
    assert!(passed[0].contains("a.b") && !passed[0].contains("hush"), "no credential is on the queue: {passed:?}");
}
