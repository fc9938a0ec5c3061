//! The extractor for those who receive.

use std::{collections::HashSet, time::Duration};

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
    DeliveryId, Event, EventId, SubscriptionId,
    attempt::Outcome,
    delivery::encode_body,
    signing::{Digest, Secret, hook_hmac, standard_signature},
    subscription::{ContentType, NewSubscription},
    timestamp::Timestamp,
};
use thorn_axum::{Webhook, WebhookSecrets};
use tower::ServiceExt as _;

use crate::app::TestApp;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const OLD: &str = "the-secret-before-this-one";
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

fn secrets<const N: usize>(texts: [&str; N]) -> WebhookSecrets {
    WebhookSecrets::new(texts).unwrap()
}

/// Says what the extractor gave.
async fn hook(webhook: Webhook<Article>) -> Json<Value> {
    Json(json!({
        "event": webhook.event, "ref": webhook.reference, "sender": webhook.sender, "title": webhook.data.title,
        "delivery": webhook.delivery, "event_id": webhook.event_id, "subscription": webhook.subscription, "bytes": webhook.raw.len(),
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
    tokio::spawn(async { axum::serve(listener, app(secrets([SECRET]))).await });

    let app = TestApp::new().await;
    let worker = app.worker().await;
    for content_type in ContentType::ALL {
        let new = NewSubscription::new(format!("article.{}", content_type as u8), &url);
        let new = new.secret(SECRET).content_type(content_type);
        let subscription = app.thorn.subscriptions().create(new).await.unwrap();
        let name = subscription.spec.pattern.as_str();
        let event = Event::new(name).reference("/a/1").sender("alice");
        let id = event.send(app.db(), &json!({ "title": "Ü" })).await.unwrap();
        let deliveries = app.deliveries(&subscription, |rows| rows.iter().any(|row| row.attempts > 0)).await;
        assert_eq!(deliveries[0].outcome, Some(Outcome::Delivered), "{deliveries:?}");
        let body = BODY.replace("article.created", name);
        let said: Value = serde_json::from_str(deliveries[0].response.as_deref().unwrap()).unwrap();
        let expected = json!({
            "event": name, "ref": "/a/1", "sender": "alice", "title": "Ü",
            "delivery": DeliveryId::derive(id, subscription.id), "event_id": id, "subscription": subscription.id,
            "bytes": encode_body(content_type, &body).unwrap().len(),
        });
        assert_eq!(said, expected, "{content_type}");
    }
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn while_a_secret_is_exchanged_both_are_right() {
    let now = Timestamp::now();
    for secret in [OLD, SECRET] {
        let accepted = secrets([OLD, SECRET]);
        let (status, said) = send(accepted, standard(secret, "msg_1", now, BODY), BODY).await;
        assert_eq!((status, &said["delivery"]), (StatusCode::OK, &json!("msg_1")), "{said}");
    }
    let accepted = secrets([OLD]);
    assert_eq!(send(accepted, standard(SECRET, "msg_1", now, BODY), BODY).await.0, StatusCode::UNAUTHORIZED);
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
        let (status, problem) = send(secrets([SECRET]), headers, body.to_owned()).await;
        assert_eq!((status, &problem["status"]), (StatusCode::UNAUTHORIZED, &json!(401)), "{name}");
        assert!(!problem.to_string().contains(SECRET), "{problem}");
    }
    let wide = secrets([SECRET]).tolerance(minutes(10));
    assert_eq!(send(wide, standard(SECRET, "msg_1", now - minutes(6), BODY), BODY).await.0, StatusCode::OK);
    assert_eq!(send(secrets([SECRET]), genuine, BODY).await.0, StatusCode::OK);
}

#[tokio::test]
async fn without_a_secret_nothing_is_right() {
    // The signature that anybody can make with the empty key.
    for none in [secrets([""; 1]), secrets([" \n"]), secrets([])] {
        assert!(none.is_empty());
        let forged = standard("", "msg_1", Timestamp::now(), BODY);
        assert_eq!(send(none, forged, BODY).await.0, StatusCode::UNAUTHORIZED);
    }
}

#[test]
fn a_malformed_secret_is_refused_and_named_but_not_shown() {
    for bad in ["whsec_AA==", "whsec_!", "whsec_C2FVsBQIhrscChlQIMV"] {
        let error = WebhookSecrets::new([SECRET, bad]).unwrap_err();
        assert_eq!(error.number, 2, "{bad}");
        let shown = error.to_string();
        assert!(shown.starts_with("secret 2 of the receiver") && !shown.contains(bad), "{shown}");
    }
    assert!(WebhookSecrets::new(["whsec_"]).is_err());
}

#[tokio::test]
async fn a_delivery_that_is_repeated_with_another_content_type_is_refused() {
    let title = "x&event=account.closed&data=%7B%22title%22%3A%22stolen%22%7D&y";
    let json = json!({ "event": "article.created", "data": { "title": title } }).to_string();
    let form = encode_body(ContentType::Form, BODY).unwrap().into_owned();
    for (body, right, wrong) in
        [(json, ContentType::Json, ContentType::Form), (form, ContentType::Form, ContentType::Json)]
    {
        let with = |content_type: ContentType| {
            let mut headers = standard(SECRET, "msg_1", Timestamp::now(), &body);
            headers.insert("content-type", HeaderValue::from_static(content_type.as_str()));
            headers
        };
        let (status, said) = send(secrets([SECRET]), with(right), body.clone()).await;
        assert_eq!((status, &said["event"]), (StatusCode::OK, &json!("article.created")), "{said}");
        let (status, problem) = send(secrets([SECRET]), with(wrong), body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("Content-Type"), "{problem}");
    }
}

#[tokio::test]
async fn the_event_s_id_is_read_only_if_the_signed_delivery_id_belongs_to_it() {
    let (event, subscription) = (EventId::generate(), SubscriptionId::generate());
    let delivery = DeliveryId::derive(event, subscription).to_string();
    for (event_id, subscription, read) in [
        (event, subscription, json!(event)),
        (EventId::generate(), subscription, Value::Null),
        (event, SubscriptionId::generate(), Value::Null),
    ] {
        let mut sent = standard(SECRET, &delivery, Timestamp::now(), BODY);
        sent.extend(headers(&[
            ("hook-event-id", &event_id.to_string()),
            ("hook-subscription", &subscription.to_string()),
        ]));
        let (status, said) = send(secrets([SECRET]), sent, BODY).await;
        assert_eq!((status, &said["event_id"]), (StatusCode::OK, &read), "{said}");
    }
}

#[tokio::test]
async fn two_subscriptions_get_one_event_with_one_event_id() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let worker = app.worker().await;
    for path in ["/one", "/two"] {
        app.subscribe("article.*", &receiver.url(path)).await;
    }
    let id = Event::new("article.created").broadcast().send(app.db(), &1).await.unwrap();
    let received = receiver.wait_for(2, Duration::from_secs(30)).await.unwrap();
    let ids = |name: &str| received.iter().map(|one| one.header(name).to_owned()).collect::<HashSet<_>>();
    assert_eq!(ids("hook-event-id"), HashSet::from([id.to_string()]));
    assert_eq!((ids("hook-delivery").len(), ids("webhook-id").len()), (2, 2));
    app.settled().await;
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn thorn_146_hook_hmac_is_enough_only_if_wanted_and_never_hides_a_replay() {
    let hmac = hook_hmac(Digest::Sha512, &Secret::new("s3cr3t"), BODY.as_bytes());
    let delivery = "018f3c2a-0000-8000-8000-000000000000";
    let old_style = headers(&[("hook-hmac", &hmac), ("hook-delivery", delivery), ("hook-event", "forged.name")]);
    let plain = secrets(["s3cr3t"]);
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
        let (status, problem) = send(secrets([SECRET]), standard(SECRET, "msg_1", now, body), body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}: {problem}");
    }
    let small = secrets([SECRET]).max_bytes(BODY.len() - 1);
    assert_eq!(send(small, standard(SECRET, "msg_1", now, BODY), BODY).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    let large = " ".repeat(1024 * 1024 + 1);
    assert_eq!(send(secrets([SECRET]), HeaderMap::new(), large).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}
