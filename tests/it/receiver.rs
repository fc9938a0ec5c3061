//! The extractor for those who receive.

use std::time::Duration;

use axum::{
    Json, Router,
    body::{Body, Bytes, to_bytes},
    extract::FromRef,
    http::{HeaderMap, HeaderValue, Request, StatusCode},
    routing::post,
};
use serde::Deserialize;
use serde_json::{Value, json};
use thorn::{
    DeliveryId, Event, Timestamp,
    attempt::Outcome,
    delivery::encode_body,
    signing::{Digest, Secret, hook_hmac, standard_signature},
    subscription::{ContentType, NewSubscription},
};
use thorn_axum::{Webhook, WebhookSecrets};
use tower::ServiceExt as _;

use crate::app::TestApp;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const BODY: &str = r#"{"event":"article.created","ref":"/a/1","sender":"alice","data":{"title":"Ü"}}"#;

#[derive(Deserialize)]
struct Article {
    title: String,
}

#[derive(Clone)]
struct AppState {
    secrets: WebhookSecrets,
}

impl FromRef<AppState> for WebhookSecrets {
    fn from_ref(state: &AppState) -> Self {
        state.secrets.clone()
    }
}

/// Says what the extractor gave.
async fn hook(webhook: Webhook<Article>) -> Json<Value> {
    Json(json!({
        "event": webhook.event, "ref": webhook.reference, "sender": webhook.sender, "title": webhook.data.title,
        "delivery": webhook.delivery, "subscription": webhook.subscription, "bytes": webhook.raw.len(),
    }))
}

fn app(secrets: WebhookSecrets) -> Router {
    Router::new().route("/hook", post(hook)).with_state(AppState { secrets })
}

fn standard(secret: &str, id: &str, at: Timestamp, body: &str) -> HeaderMap {
    let signature = standard_signature(&Secret::new(secret), id, at.as_secs(), body.as_bytes());
    headers(&[("webhook-id", id), ("webhook-timestamp", &at.as_secs().to_string()), ("webhook-signature", &signature)])
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
}

async fn send(secrets: WebhookSecrets, headers: HeaderMap, body: impl Into<Bytes>) -> (StatusCode, Value) {
    let mut request = Request::post("/hook").body(Body::from(body.into())).unwrap();
    *request.headers_mut() = headers;
    let (parts, body) = app(secrets).oneshot(request).await.unwrap().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn thorn_143_what_a_worker_sends_is_verified_in_both_forms() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, app(WebhookSecrets::new([SECRET]))).await });

    let app = TestApp::new().await;
    let worker = app.worker().await;
    for content_type in ContentType::ALL {
        let subscription = app
            .thorn
            .subscriptions()
            .create(NewSubscription {
                pattern: format!("article.{}", content_type as u8),
                url: url.clone(),
                secret: Some(SECRET.to_owned()),
                content_type: Some(content_type.to_string()),
                ..NewSubscription::default()
            })
            .await
            .unwrap();
        let name = subscription.pattern.as_str();
        let event = Event::new(name).reference("/a/1").sender("alice");
        let id = event.send(app.db(), &json!({ "title": "Ü" })).await.unwrap();
        let deliveries = app.deliveries(&subscription, |rows| rows.iter().any(|row| row.attempts > 0)).await;
        assert_eq!(deliveries[0].outcome, Some(Outcome::Delivered), "{deliveries:?}");
        let body = BODY.replace("article.created", name);
        let said: Value = serde_json::from_str(deliveries[0].response.as_deref().unwrap()).unwrap();
        let expected = json!({
            "event": name, "ref": "/a/1", "sender": "alice", "title": "Ü",
            "delivery": DeliveryId::derive(id, subscription.id), "subscription": subscription.id,
            "bytes": encode_body(content_type, &body).unwrap().len(),
        });
        assert_eq!(said, expected, "{content_type}");
    }
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn while_a_secret_is_exchanged_both_are_right() {
    let now = Timestamp::now();
    for secret in ["the new one", SECRET] {
        let secrets = WebhookSecrets::new(["the new one", SECRET]);
        let (status, said) = send(secrets, standard(secret, "msg_1", now, BODY), BODY).await;
        assert_eq!((status, &said["delivery"]), (StatusCode::OK, &json!("msg_1")), "{said}");
    }
    let secrets = WebhookSecrets::new(["the new one"]);
    assert_eq!(send(secrets, standard(SECRET, "msg_1", now, BODY), BODY).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn forged_replayed_and_unsigned_ones_are_401() {
    let now = Timestamp::now();
    let minutes = |count: u64| Duration::from_secs(count * 60);
    let genuine = standard(SECRET, "msg_1", now, BODY);
    let mut renamed = genuine.clone();
    renamed.insert("webhook-id", HeaderValue::from_static("msg_2"));
    let mut partial = genuine.clone();
    partial.remove("webhook-timestamp");
    let other_body = BODY.replace("alice", "mallo");
    for (name, headers, body) in [
        ("another body", genuine.clone(), other_body.as_str()),
        ("another id", renamed, BODY),
        ("a header missing", partial, BODY),
        ("another secret", standard("guessed", "msg_1", now, BODY), BODY),
        ("no signature", HeaderMap::new(), BODY),
        ("old", standard(SECRET, "msg_1", now - minutes(6), BODY), BODY),
        ("early", standard(SECRET, "msg_1", now + minutes(6), BODY), BODY),
    ] {
        let (status, problem) = send(WebhookSecrets::new([SECRET]), headers, body.to_owned()).await;
        assert_eq!((status, &problem["status"]), (StatusCode::UNAUTHORIZED, &json!(401)), "{name}");
        assert!(!problem.to_string().contains(SECRET), "{problem}");
    }
    let wide = WebhookSecrets::new([SECRET]).tolerance(minutes(10));
    assert_eq!(send(wide, standard(SECRET, "msg_1", now - minutes(6), BODY), BODY).await.0, StatusCode::OK);
    assert_eq!(send(WebhookSecrets::new([SECRET]), genuine, BODY).await.0, StatusCode::OK);
}

#[tokio::test]
async fn without_a_secret_nothing_is_right() {
    // The signature that anybody can make with the empty key.
    for secrets in [WebhookSecrets::new([""; 1]), WebhookSecrets::new(Vec::<String>::new())] {
        assert!(secrets.is_empty());
        let forged = standard("", "msg_1", Timestamp::now(), BODY);
        assert_eq!(send(secrets, forged, BODY).await.0, StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn thorn_146_hook_hmac_is_enough_only_if_wanted_and_never_hides_a_replay() {
    let hmac = hook_hmac(Digest::Sha512, &Secret::new("s3cr3t"), BODY.as_bytes());
    let delivery = "018f3c2a-0000-8000-8000-000000000000";
    let old_style = headers(&[("hook-hmac", &hmac), ("hook-delivery", delivery), ("hook-event", "forged.name")]);
    let plain = WebhookSecrets::new(["s3cr3t"]);
    assert_eq!(send(plain.clone(), old_style.clone(), BODY).await.0, StatusCode::UNAUTHORIZED);

    let lenient = plain.clone().or_hook_hmac(Digest::Sha512);
    let (status, said) = send(lenient.clone(), old_style.clone(), BODY).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    assert_eq!((&said["event"], &said["delivery"]), (&json!("article.created"), &json!(delivery)));

    let other_digest = plain.or_hook_hmac(Digest::Sha256);
    assert_eq!(send(other_digest, old_style.clone(), BODY).await.0, StatusCode::UNAUTHORIZED);
    let mut replayed = standard("s3cr3t", "msg_1", Timestamp::from_millis(0), BODY);
    replayed.extend(old_style);
    assert_eq!(send(lenient, replayed, BODY).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn signed_but_not_what_was_expected_is_400_and_too_much_is_413() {
    let now = Timestamp::now();
    for body in ["", "{", "[]", r#"{"event":"a.b","data":{"title":7}}"#, r#"{"data":{"title":"x"}}"#] {
        let (status, problem) = send(WebhookSecrets::new([SECRET]), standard(SECRET, "msg_1", now, body), body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {problem}");
    }
    let small = WebhookSecrets::new([SECRET]).max_bytes(BODY.len() - 1);
    assert_eq!(send(small, standard(SECRET, "msg_1", now, BODY), BODY).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let large = " ".repeat(1024 * 1024 + 1);
    assert_eq!(send(WebhookSecrets::new([SECRET]), HeaderMap::new(), large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}
