//! One subscription: show, replace, change, delete, reveal, probe.

use std::time::Duration;

use axum::{
    Router,
    http::{Method, StatusCode},
};
use serde_json::{Value, json};
use thorn::{
    Config, Event,
    subscription::{Access, Confirm},
    timestamp::Timestamp,
};
use thorn_core::testing::Receiver;

use super::{Api, log::Log, path};
use crate::app;

const URL: &str = "http://127.9.0.1:9000/a";

#[tokio::test]
async fn thorn_107_the_secret_is_shown_on_creation_and_on_request_only() {
    let app = Api::new().await;
    let made = app.create("alice", "a.b", URL).await;
    let secret = made["hmac_secret"].as_str().unwrap();
    let item = path(&made);
    for (method, path, body) in [
        (Method::GET, item.as_str(), Value::Null),
        (Method::GET, "/hooks/", Value::Null),
        (Method::PUT, &item, json!({ "event": "a.c", "url": URL })),
        (Method::PATCH, &item, json!({ "event": "a.d" })),
        (Method::PATCH, &item, json!({ "hmac_secret": secret })),
        (Method::PATCH, &item, json!({ "hmac_secret": secret, "event": "" })),
    ] {
        let answer = app.send(method.clone(), "alice", path, body).await;
        let text = answer.body.to_string();
        assert!(!text.contains(secret) && !text.contains("\"hmac_secret\""), "{method} {path}: {text}");
    }
    let answer = app.get("alice", &format!("{item}secret/")).await;
    assert_eq!(answer.body, json!({ "id": made["id"], "hmac_secret": secret }));
    assert_eq!(answer.header("cache-control"), "no-store");
}

#[tokio::test]
async fn a_probe_ends_the_wait_of_a_held_subscription_and_changes_nothing_else() {
    let app = Api::new().await;
    let made = app.create("alice", "a.b", URL).await;
    let later = Timestamp::now() + Duration::from_secs(3600);
    let hold = format!("UPDATE thorn_subscription SET held_until = {}, held_step = 3", later.as_millis());
    app.base.execute(&hold).await;
    let held = app.get("alice", &path(&made)).await.body;
    assert_eq!(held["held_until"], later.to_string());
    let expected = json!({
        "until": later.to_string(), "step": 3, "since": null, "reason": null, "status": null, "error": null,
    });
    assert_eq!(held["held"], expected, "an earlier release has begun it");
    for form in ["probe", "probe/"] {
        let answer = app.send(Method::POST, "alice", &format!("{}{form}", path(&made)), Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{form}");
        let until = answer.body["held_until"].as_str().unwrap();
        assert!(until < held["held_until"].as_str().unwrap(), "{until}");
        let mut expected = held.clone();
        expected["held_until"] = until.into();
        expected["held"]["until"] = until.into();
        assert_eq!(answer.body, expected);
    }
    app.base.execute("UPDATE thorn_subscription SET held_until = NULL, held_step = 0").await;
    let answer = app.send(Method::POST, "alice", &format!("{}probe/", path(&made)), Value::Null).await;
    assert_eq!((answer.status, &answer.body["held_until"]), (StatusCode::OK, &Value::Null));
}

#[tokio::test]
async fn a_hold_is_shown_with_its_cause_and_its_owner_learns_nothing_of_the_network() {
    let app = Api::new().await;
    let made = app.create("alice", "a.b", URL).await;
    let held = async |user: &str| {
        let listed = app.get(user, "/hooks/").await.body[0]["held"].clone();
        let figures = app.get(user, &format!("{}stats/", path(&made))).await.body["held"].clone();
        let shown = app.get(user, &path(&made)).await.body["held"].clone();
        assert_eq!((&listed, &figures), (&shown, &shown), "{user}");
        shown
    };
    assert_eq!(held("alice").await, Value::Null);
    let (since, later) = (Timestamp::now(), Timestamp::now() + Duration::from_secs(3600));
    let hold = |reason: &str, status: &str| {
        format!(
            "UPDATE thorn_subscription SET held_until = {}, held_step = 2, held_since = {}, held_reason = '{reason}', \
             held_status = {status}, held_error = 'connection refused'",
            later.as_millis(),
            since.as_millis()
        )
    };
    let expected = |reason: &str, status: Value, error: Value| {
        json!({
            "until": later.to_string(), "step": 2, "since": since.to_string(), "reason": reason, "status": status,
            "error": error,
        })
    };
    app.base.execute(&hold("unreachable", "NULL")).await;
    assert_eq!(held("alice").await, expected("unreachable", Value::Null, Value::Null));
    assert_eq!(held("root").await, expected("unreachable", Value::Null, json!("connection refused")));
    app.base.execute(&hold("asked", "429")).await;
    assert_eq!(held("alice").await, expected("asked", json!(429), json!("connection refused")));
    let enabled = app.send(Method::PATCH, "alice", &path(&made), json!({ "enabled": true })).await;
    assert_eq!(enabled.body["held"], Value::Null);
}

#[tokio::test]
async fn a_confirmation_is_shown_and_asked_for_again_by_its_owner_only() {
    let app =
        Api::with(Config { confirm: Confirm::Challenge, ..Config::default() }, |hooks| Router::new().merge(hooks))
            .await;
    let shown = |body: &Value| (body["confirmation"].clone(), body["confirmation_outcome"].clone());
    let made = app.create("alice", "a.b", URL).await;
    assert_eq!(shown(&made), (json!("pending"), Value::Null));
    assert_eq!(shown(&app.create("root", "a.b", URL).await), (Value::Null, Value::Null));
    for (stored, confirmation, outcome) in [
        ("refused timed_out", "refused", json!("timed_out")),
        ("refused", "refused", Value::Null),
        ("confirmed", "confirmed", Value::Null),
    ] {
        let sql = format!("UPDATE thorn_subscription SET confirmation = '{stored}' WHERE owner = 'alice'");
        app.base.execute(&sql).await;
        app.base.execute("DELETE FROM thorn_intent").await;
        assert_eq!(shown(&app.get("alice", &path(&made)).await.body), (json!(confirmation), outcome));
        let again = format!("{}confirm/", path(&made));
        assert_eq!(app.send(Method::POST, "bob", &again, Value::Null).await.status, StatusCode::NOT_FOUND);
        assert_eq!(app.base.count("thorn_intent").await, 0);
        let answer = app.send(Method::POST, "alice", &again, Value::Null).await;
        let (expected, questions) = if stored == "confirmed" { ("confirmed", 0) } else { ("pending", 1) };
        assert_eq!((answer.status, shown(&answer.body)), (StatusCode::OK, (json!(expected), Value::Null)));
        assert_eq!(app.base.count("thorn_intent").await, questions);
    }
    // What a caller sends back changes neither.
    let body = json!({ "event": "a.c", "url": URL, "confirmation": "pending", "confirmation_outcome": "blocked" });
    let answer = app.send(Method::PUT, "alice", &path(&made), body).await;
    assert_eq!(shown(&answer.body), (json!("confirmed"), Value::Null));
}

#[tokio::test]
async fn the_log_says_who_had_a_secret_shown() {
    let app = Api::new().await;
    let made = app.create("alice", "a.b", URL).await;
    for (user, name) in [("alice", "caller=\"alice\""), ("root", "caller=\"an operator\"")] {
        let (log, guard) = Log::start(tracing::Level::INFO);
        let answer = app.get(user, &format!("{}secret/", path(&made))).await;
        drop(guard);
        assert_eq!(answer.status, StatusCode::OK, "{user}");
        let log = log.text();
        let lines: Vec<_> = log.lines().filter(|line| line.contains("secret revealed")).collect();
        assert_eq!(lines.len(), 1, "{log}");
        assert!(lines[0].contains(name) && lines[0].contains(made["id"].as_str().unwrap()), "{log}");
        assert!(!log.contains(made["hmac_secret"].as_str().unwrap()), "{log}");
    }
}

#[tokio::test]
async fn thorn_111_patch_changes_what_is_given() {
    let app = Api::new().await;
    let made = app.create("alice", "a.b", URL).await;
    let item = path(&made);
    for (field, value) in [
        ("event", json!("c.*")),
        ("url", json!("http://127.9.0.1/other")),
        ("content_type", json!("application/x-www-form-urlencoded")),
        ("hmac_digest", json!("sha1")),
        ("hmac_signer", json!("compat")),
        ("filter", json!({ "author.name": { "in": ["alice"] }, "state": { "eq": "PUBLISHED" } })),
        ("filter", Value::Null),
        ("enabled", json!(false)),
        ("enabled", json!(true)),
    ] {
        let before = app.get("alice", &item).await.body;
        let answer = app.send(Method::PATCH, "alice", &item, json!({ field: value })).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let mut expected = before;
        expected[field] = value;
        expected["updated_at"] = answer.body["updated_at"].clone();
        expected["disabled_reason"] = answer.body["disabled_reason"].clone();
        assert_eq!(answer.body, expected);
        assert_eq!(app.get("alice", &item).await.body, expected);
    }
    for nothing in [json!({}), Value::Null] {
        assert_eq!(app.send(Method::PATCH, "alice", &item, nothing).await.status, StatusCode::OK);
    }
    app.send(Method::PATCH, "alice", &item, json!({ "hmac_secret": "another-secret-of-24-bytes" })).await;
    assert_eq!(app.get("alice", &format!("{item}secret")).await.body["hmac_secret"], "another-secret-of-24-bytes");
    let answer = app.send(Method::PATCH, "alice", &item, json!({ "event": null, "enabled": 0, "url": "x" })).await;
    assert_eq!(answer.wrong(), ["enabled", "event", "url"]);
    assert_eq!(app.get("alice", &item).await.body["event"], "c.*");
}

#[tokio::test]
async fn thorn_111_put_replaces_and_keeps_the_secret_and_the_switch() {
    let app = Api::new().await;
    let given = json!({ "event": "a.b", "url": URL, "hmac_secret": "a-secret-of-24-bytes-000", "hmac_digest": "sha1",
        "content_type": "application/x-www-form-urlencoded" });
    let item = path(&app.post("alice", given).await.body);
    app.send(Method::PATCH, "alice", &item, json!({ "enabled": false })).await;

    let answer = app.send(Method::PUT, "alice", &item, json!({ "event": "c.d", "url": URL, "user": "bob" })).await;
    assert_eq!(answer.status, StatusCode::OK);
    let now = &answer.body;
    assert_eq!((&now["event"], &now["user"], &now["enabled"]), (&json!("c.d"), &json!("alice"), &json!(false)));
    assert_eq!((&now["hmac_digest"], &now["content_type"]), (&json!("sha256"), &json!("application/json")));
    assert_eq!(app.get("alice", &format!("{item}secret")).await.body["hmac_secret"], "a-secret-of-24-bytes-000");

    let answer = app.send(Method::PUT, "alice", &item, json!({ "url": URL, "enabled": true })).await;
    assert_eq!(answer.wrong(), ["event"], "a part is no whole");
    assert_eq!(app.get("alice", &item).await.body["enabled"], false);
}

#[tokio::test]
async fn thorn_112_what_was_read_can_be_sent_back() {
    let app = Api::new().await;
    let made = app.create("alice", "a.b", URL).await;
    let item = path(&made);
    let subscription = made["id"].as_str().unwrap().parse().unwrap();
    app.base.thorn.subscriptions().disable(subscription, "410 Gone").await.unwrap();
    let mut read = app.get("alice", &item).await.body;
    assert_eq!((&read["enabled"], &read["disabled_reason"]), (&json!(false), &json!("410 Gone")));
    for method in [Method::PUT, Method::PATCH] {
        let answer = app.send(method.clone(), "alice", &item, read.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{method} {}", answer.body);
        read["updated_at"] = answer.body["updated_at"].clone();
        assert_eq!(answer.body, read, "{method}");
    }
    let kept = app.base.thorn.subscriptions().get(Access::Owner("alice"), subscription).await.unwrap();
    assert_eq!(kept.spec.destination.signing.secret.unwrap().expose(), made["hmac_secret"].as_str().unwrap());
    // The answer of the creation, with its secret, too.
    assert_eq!(app.send(Method::PUT, "alice", &item, made).await.status, StatusCode::OK);
}

#[tokio::test]
async fn thorn_112_headers_are_never_shown_and_stay_until_they_are_replaced() {
    let app = Api::new().await;
    let given =
        json!({ "event": "a.b", "url": URL, "headers": { "Authorization": "Bearer hush" }, "hmac_signer": "compat" });
    let made = app.post("alice", given).await.body;
    let item = path(&made);
    let id = made["id"].as_str().unwrap().parse().unwrap();
    let stored = async || app.base.thorn.subscriptions().get(Access::Owner("alice"), id).await.unwrap();
    let read = app.get("alice", &item).await.body;
    assert_eq!(read["header_names"], json!(["Authorization"]));
    for (method, body) in [
        (Method::PUT, read.clone()),
        (Method::PATCH, read),
        (Method::PUT, json!({ "event": "a.b", "url": URL })),
        (Method::PATCH, json!({ "event": "c.d" })),
        (Method::PUT, made),
    ] {
        let answer = app.send(method.clone(), "alice", &item, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{method} {}", answer.body);
        assert!(!answer.body.to_string().contains("hush"), "{}", answer.body);
        let stored = stored().await;
        assert_eq!(
            stored.spec.destination.headers.iter().collect::<Vec<_>>(),
            [("Authorization", "Bearer hush")],
            "{method}"
        );
        assert_eq!(stored.spec.destination.signing.signer.as_str(), "compat", "{method}");
    }
    for (headers, names) in [(json!({ "X-A": "b" }), json!(["X-A"])), (json!({}), json!([]))] {
        let answer = app.send(Method::PATCH, "alice", &item, json!({ "headers": headers })).await;
        assert_eq!(answer.body["header_names"], names);
    }
    assert!(stored().await.spec.destination.headers.is_empty());
}

#[tokio::test]
async fn thorn_112_a_filter_can_be_sent_back_stays_if_it_is_left_out_and_null_takes_it_away() {
    let app = Api::new().await;
    let given = json!({ "event": "a.b", "url": URL, "filter": { "state": "PUBLISHED", "or": [{ "n": 1 }, { "n": { "gt": 7 } }] } });
    let made = app.post("alice", given).await.body;
    let item = path(&made);
    let filter =
        json!({ "and": [{ "or": [{ "n": { "eq": 1 } }, { "n": { "gt": 7 } }] }, { "state": { "eq": "PUBLISHED" } }] });
    assert_eq!(made["filter"], filter);
    let read = app.get("alice", &item).await.body;
    for (method, body) in [
        (Method::PUT, read.clone()),
        (Method::PATCH, read),
        (Method::PUT, json!({ "event": "a.b", "url": URL })),
        (Method::PATCH, json!({ "event": "c.d" })),
    ] {
        let answer = app.send(method.clone(), "alice", &item, body).await;
        assert_eq!((answer.status, &answer.body["filter"]), (StatusCode::OK, &filter), "{method}");
    }
    let answer = app.send(Method::PATCH, "alice", &item, json!({ "filter": { "n": { "lt": null } } })).await;
    assert_eq!(answer.wrong(), ["filter"]);
    assert!(answer.body["errors"]["filter"][0].as_str().unwrap().contains("`n`: `lt` takes a number or a string"));
    let none = json!({ "event": "a.b", "url": URL, "filter": null });
    assert_eq!(app.send(Method::PUT, "alice", &item, none).await.body["filter"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn django_webhooks_d06_who_subscribes_to_a_value_over_the_api_gets_deliveries_of_it_alone() {
    let receiver = Receiver::start().await.unwrap();
    let address = receiver.url("").trim_start_matches("http://").parse().unwrap();
    let config = Config { allow_addresses: vec![address], ..app::config() };
    let app = Api::with(config, |hooks| Router::new().merge(hooks)).await;
    let receiver = app.base.own(receiver);
    for (path, filter) in [("/alice", json!({ "author.name": "alice" })), ("/all", Value::Null)] {
        let new = json!({ "event": "article.*", "url": receiver.url(path), "filter": filter });
        assert_eq!(app.post("1", new).await.status, StatusCode::CREATED);
    }
    let worker = app.base.worker().await;
    for author in [json!({ "name": "bob" }), json!(null), json!({ "name": "alice" })] {
        let data = json!({ "author": author });
        Event::new("article.created").sender("1").send(app.base.db(), &data).await.unwrap();
    }
    receiver.wait_for(4, app::PATIENCE).await.unwrap();
    app.base.settled().await;
    worker.stop().await.unwrap();
    let received = receiver.received();
    let to_alice: Vec<_> = received.iter().filter(|request| request.path == "/alice").map(|one| one.json()).collect();
    assert_eq!((received.len(), to_alice.len()), (4, 1));
    assert_eq!(to_alice[0]["data"]["author"]["name"], "alice");
}

#[tokio::test]
async fn thorn_113_deleted_is_gone() {
    let app = Api::new().await;
    let item = path(&app.create("alice", "a.b", URL).await);
    let answer = app.send(Method::DELETE, "alice", &item, Value::Null).await;
    assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, Value::Null));
    for method in [Method::DELETE, Method::GET, Method::PATCH] {
        assert_eq!(app.send(method, "alice", &item, json!({})).await.status, StatusCode::NOT_FOUND);
    }
    assert_eq!(app.get("alice", &format!("{item}secret/")).await.status, StatusCode::NOT_FOUND);
    app.create("alice", "a.b", URL).await;
}
