//! Bodies that a request may have.

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::{Value, json};
use thorn::Config;

use super::{Answer, Api, path};

const URL: &str = "http://127.9.0.1:9000/a";

#[tokio::test]
async fn a_rate_is_set_kept_changed_and_removed() {
    let app = Api::new().await;
    let answer = app.post("alice", json!({ "event": "a.b", "url": URL, "rate": "10/s" })).await;
    assert_eq!((answer.status, &answer.body["rate"]), (StatusCode::CREATED, &json!("10/s")));
    let item = path(&answer.body);
    for (method, body, expected) in [
        (Method::PATCH, json!({}), json!("10/s")),
        (Method::PUT, json!({ "event": "a.b", "url": URL }), json!("10/s")),
        (Method::PATCH, json!({ "rate": "1000/h" }), json!("1000/h")),
        (Method::PATCH, json!({ "rate": null }), Value::Null),
    ] {
        let changed = app.send(method.clone(), "alice", &item, body.clone()).await;
        assert_eq!((changed.status, &changed.body["rate"]), (StatusCode::OK, &expected), "{method} {body}");
        assert_eq!(app.get("alice", &item).await.body["rate"], expected, "{method} {body}");
    }
    for wrong in [json!("fast"), json!("0/s"), json!(""), json!(10), json!([])] {
        let answer = app.send(Method::PATCH, "alice", &item, json!({ "rate": wrong })).await;
        assert_eq!((answer.status, answer.wrong()), (StatusCode::BAD_REQUEST, vec!["rate"]), "{wrong}");
    }
}

#[tokio::test]
async fn a_limit_of_requests_at_once_is_set_kept_changed_and_removed() {
    let app = Api::new().await;
    let answer = app.post("alice", json!({ "event": "a.b", "url": URL, "max_in_flight": 8 })).await;
    assert_eq!((answer.status, &answer.body["max_in_flight"]), (StatusCode::CREATED, &json!(8)));
    let item = path(&answer.body);
    for (method, body, expected) in [
        (Method::PATCH, json!({}), json!(8)),
        (Method::PUT, json!({ "event": "a.b", "url": URL }), json!(8)),
        (Method::PATCH, json!({ "max_in_flight": 64 }), json!(64)),
        (Method::PATCH, json!({ "max_in_flight": null }), Value::Null),
        (Method::PATCH, json!({ "max_in_flight": 1 }), json!(1)),
    ] {
        let changed = app.send(method.clone(), "alice", &item, body.clone()).await;
        assert_eq!((changed.status, &changed.body["max_in_flight"]), (StatusCode::OK, &expected), "{method} {body}");
        assert_eq!(app.get("alice", &item).await.body["max_in_flight"], expected, "{method} {body}");
    }
    for wrong in [json!(0), json!(65), json!(-1), json!(1.5), json!("8"), json!(u64::MAX), json!([])] {
        let answer = app.send(Method::PATCH, "alice", &item, json!({ "max_in_flight": wrong })).await;
        assert_eq!((answer.status, answer.wrong()), (StatusCode::BAD_REQUEST, vec!["max_in_flight"]), "{wrong}");
    }
}

#[tokio::test]
async fn a_subscription_is_paused_and_resumed() {
    let app = Api::new().await;
    let item = path(&app.create("alice", "a.b", URL).await);
    for (method, body, paused) in [
        (Method::PATCH, json!({ "paused": true }), true),
        (Method::PATCH, json!({}), true),
        (Method::PUT, json!({ "event": "a.b", "url": URL }), true),
        (Method::PATCH, json!({ "paused": false }), false),
        (Method::PATCH, json!({ "paused": true }), true),
        (Method::PATCH, json!({ "paused": false, "kept": "discard" }), false),
    ] {
        let changed = app.send(method.clone(), "alice", &item, body.clone()).await;
        assert_eq!((changed.status, &changed.body["paused"]), (StatusCode::OK, &json!(paused)), "{method} {body}");
        assert_eq!(changed.body["paused_at"].is_string(), paused, "{method} {body}");
    }
    for (wrong, field) in [
        (json!({ "paused": "yes" }), "paused"),
        (json!({ "paused": null }), "paused"),
        (json!({ "kept": "both" }), "kept"),
        (json!({ "kept": 1 }), "kept"),
    ] {
        let answer = app.send(Method::PATCH, "alice", &item, wrong.clone()).await;
        assert_eq!((answer.status, answer.wrong()), (StatusCode::BAD_REQUEST, vec![field]), "{wrong}");
    }
    let answer = app.post("alice", json!({ "event": "c.d", "url": URL, "paused": true })).await;
    assert_eq!((answer.status, answer.wrong()), (StatusCode::BAD_REQUEST, vec!["paused"]));
}

#[tokio::test]
async fn thorn_108_creating_shows_everything_and_where_it_is() {
    let app = Api::new().await;
    let answer = app.post("alice", json!({ "event": "a.*", "url": URL })).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let made = &answer.body;
    let link = format!("http://blog.example/hooks/{}/", made["id"].as_str().unwrap());
    assert_eq!(answer.header("location"), link);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(made["subscription"], link);
    assert_eq!((&made["event"], &made["url"], &made["user"]), (&json!("a.*"), &json!(URL), &json!("alice")));
    assert_eq!((&made["content_type"], &made["hmac_digest"]), (&json!("application/json"), &json!("sha256")));
    assert_eq!((&made["hmac_signer"], &made["header_names"]), (&json!("hmac"), &json!([])));
    assert_eq!((&made["enabled"], &made["disabled_reason"]), (&json!(true), &Value::Null));
    assert_eq!(made["failing_since"], Value::Null);
    assert_eq!((&made["held_until"], &made["held"], &made["rate"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!((&made["max_in_flight"], &made["dialect"]), (&Value::Null, &json!("thorn")));
    assert!(made["hmac_secret"].as_str().unwrap().len() >= 64 - 2, "{made}");
    assert!(made["created_at"].as_str().unwrap().ends_with('Z') && made["updated_at"] == made["created_at"]);
    assert_eq!((&made["confirmation"], &made["confirmation_outcome"]), (&Value::Null, &Value::Null));
    assert_eq!(made.as_object().unwrap().len(), 25, "{made}");
}

#[tokio::test]
async fn thorn_108_what_is_given_is_taken() {
    let app = Api::new().await;
    let given = json!({
        "event": "a.b", "url": URL, "hmac_secret": "a-secret-of-24-bytes-000", "hmac_digest": "SHA512",
        "hmac_signer": "Compat", "content_type": "application/x-www-form-urlencoded", "enabled": true,
        "headers": { "Authorization": "Bearer hush", "X-Tenant": "blue" },
    });
    let made = app.post("alice", given).await.body;
    assert_eq!((&made["hmac_secret"], &made["hmac_digest"]), (&json!("a-secret-of-24-bytes-000"), &json!("sha512")));
    assert_eq!(made["content_type"], "application/x-www-form-urlencoded");
    assert_eq!(
        (&made["hmac_signer"], &made["header_names"]),
        (&json!("compat"), &json!(["Authorization", "X-Tenant"]))
    );
}

#[tokio::test]
async fn thorn_114_every_wrong_field_is_named_at_once() {
    let app = Api::new().await;
    let long = "a".repeat(191);
    for (body, wrong) in [
        (json!({}), vec!["event", "url"]),
        (json!({ "event": "", "url": "" }), vec!["event", "url"]),
        (json!({ "event": long, "url": URL }), vec!["event"]),
        (json!({ "event": "a.b", "url": format!("{URL}/{}", "a".repeat(2048)) }), vec!["url"]),
        (json!({ "event": "a.b", "url": "no url", "hmac_secret": "" }), vec!["hmac_secret", "url"]),
        (
            json!({ "event": "a.b", "url": URL, "content_type": "text/xml", "hmac_digest": "md5" }),
            vec!["content_type", "hmac_digest"],
        ),
        // Types, which are ours to check, together with values, which are the core's.
        (json!({ "event": 1, "url": "no url" }), vec!["event", "url"]),
        (json!({ "event": null, "url": URL, "hmac_digest": "md5" }), vec!["event", "hmac_digest"]),
        (json!({ "event": "a b", "url": URL, "hmac_digest": [] }), vec!["event", "hmac_digest"]),
        (json!({ "event": "a b", "url": URL, "enabled": "yes" }), vec!["enabled", "event"]),
        (json!({ "event": "a.b", "url": URL, "enabled": false }), vec!["enabled"]),
        (
            json!({ "event": {}, "url": [], "hmac_secret": 1, "hmac_digest": true, "content_type": null, "enabled": 1 }),
            vec!["content_type", "enabled", "event", "hmac_digest", "hmac_secret", "url"],
        ),
        (
            json!({ "event": "a.b", "url": URL, "hmac_signer": "x.y:z", "headers": null }),
            vec!["headers", "hmac_signer"],
        ),
        (json!({ "event": "a.b", "url": URL, "headers": [] }), vec!["headers"]),
        (json!({ "event": "a.b", "url": URL, "filter": "state" }), vec!["filter"]),
        (
            json!({ "event": "a b", "url": URL, "filter": { "state": { "equals": 1 } }, "enabled": 1 }),
            vec!["enabled", "event", "filter"],
        ),
        (json!({ "event": "a.b", "url": URL, "filter": { "state": { "now_eq": 1 } } }), vec!["filter"]),
        (json!({ "event": "a b", "url": URL, "headers": { "X-A": null } }), vec!["event", "headers"]),
        (json!({ "event": "a.b", "url": URL, "headers": { "Hook-HMAC": "x" } }), vec!["headers"]),
        (json!({ "event": "a.b", "url": URL, "hmac_secret": null }), vec!["hmac_secret"]),
        (json!(["event"]), vec!["non_field_errors"]),
    ] {
        assert_eq!(app.post("alice", body.clone()).await.wrong(), wrong, "{body}");
    }
    assert_eq!(app.get("alice", "/hooks/").await.body, json!([]), "nothing was written");
}

#[tokio::test]
async fn thorn_114_a_second_one_of_the_same_event_and_url_is_a_non_field_error() {
    let app = Api::new().await;
    app.create("alice", "a.b", URL).await;
    let twice = json!({ "event": "a.b", "url": URL });
    assert_eq!(app.post("alice", twice).await.wrong(), ["non_field_errors"]);
    // The answer lists it with the other errors.
    for (field, wrong) in [("hmac_secret", json!("short")), ("hmac_secret", json!(7)), ("enabled", json!("perhaps"))] {
        let body = json!({ "event": "a.b", "url": URL, field: wrong });
        assert_eq!(app.post("alice", body.clone()).await.wrong(), [field, "non_field_errors"], "{body}");
    }
    app.create("bob", "a.b", URL).await;
    let other = app.create("alice", "c.d", URL).await;
    let answer = app.send(Method::PATCH, "alice", &path(&other), json!({ "event": "a.b" })).await;
    assert_eq!(answer.wrong(), ["non_field_errors"]);
}

#[tokio::test]
async fn thorn_115_what_can_t_be_written_is_ignored() {
    let app = Api::new().await;
    let id = "018f3c2a-0000-7000-8000-000000000000";
    let body = json!({
        "event": "a.b", "url": URL, "id": id, "created_at": "2001-01-01T00:00:00Z", "updated_at": 7,
        "subscription": "http://evil", "disabled_reason": "x", "anything": { "else": true },
        "unsigned": true, "source": "x", "header_names": ["X-A"],
    });
    let made = app.post("alice", body).await.body;
    assert_ne!(made["id"], id);
    assert!(!made["created_at"].as_str().unwrap().starts_with("2001"));
    assert_eq!((&made["disabled_reason"], &made["anything"]), (&Value::Null, &Value::Null));
    assert!(made["hmac_secret"].as_str().is_some_and(|secret| !secret.is_empty()), "nobody is unsigned by the API");
    assert_eq!(made["header_names"], json!([]));
}

async fn post(app: &Api, content_type: Option<&str>, body: impl Into<Body>) -> Answer {
    let mut request = Request::builder().method(Method::POST).uri("/hooks/").header("x-user", "alice");
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    app.request(request.body(body.into()).unwrap()).await
}

#[tokio::test]
async fn thorn_116_bodies_are_json_and_what_isn_t_says_where() {
    let app = Api::new().await;
    let json = Some("application/json");
    let good = |event| json!({ "event": event, "url": URL }).to_string();
    for (event, content_type) in [
        ("a.a", "application/json"),
        ("a.b", "Application/JSON; charset=utf-8"),
        ("a.c", "application/merge-patch+json"),
    ] {
        assert_eq!(post(&app, Some(content_type), good(event)).await.status, StatusCode::CREATED, "{content_type}");
    }
    for wrong in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data")] {
        let answer = post(&app, wrong, good("b.b")).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{wrong:?}");
    }
    let answer = post(&app, json, "{\n  \"event\": oops}").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.body["detail"].as_str().unwrap().contains("line 2 column 12"), "{}", answer.body);
    assert_eq!(post(&app, json, vec![b'"', 0xff, b'"']).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(post(&app, json, "[".repeat(10_000)).await.status, StatusCode::BAD_REQUEST);
    let large = format!("{}{}", good("b.b"), " ".repeat(64 * 1024));
    assert_eq!(post(&app, json, large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn thorn_118_urls_that_deliveries_won_t_go_to_are_refused() {
    let app = Api::new().await;
    for url in [
        "ftp://1.1.1.1/",
        "http://127.0.0.1/",
        "http://1.1.1.1:22/",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/",
        "http://me:secret@1.1.1.1/",
        "javascript:alert(1)",
    ] {
        let answer = app.post("alice", json!({ "event": "a.b", "url": url })).await;
        assert_eq!(answer.wrong(), ["url"], "{url}");
        assert!(!answer.body.to_string().contains("me:secret"), "{}", answer.body);
    }
}

#[tokio::test]
async fn thorn_119_patterns_that_can_t_match_are_refused() {
    let app = Api::new().await;
    for event in ["a b", " ", "a..b", ".a", "a.", "a.b*"] {
        let answer = app.post("alice", json!({ "event": event, "url": URL })).await;
        assert_eq!(answer.wrong(), ["event"], "{event}");
    }
    for event in ["*", "a.*", "*.b", "a.b"] {
        app.create("alice", event, URL).await;
    }
}

#[tokio::test]
async fn thorn_120_a_pattern_must_mean_some_event_that_exists() {
    let choices = vec!["article.created".to_owned(), "article.removed".to_owned()];
    let app =
        Api::with(Config { event_choices: Some(choices), ..Config::default() }, |hooks| hooks.into_router()).await;
    for event in ["article.created", "article.*", "*.removed", "*"] {
        app.create("alice", event, URL).await;
    }
    let answer = app.post("alice", json!({ "event": "article.changed", "url": URL })).await;
    assert_eq!(answer.wrong(), ["event"]);
}
