//! Quotas, as the API answers them.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use thorn::Config;

use super::{Answer, Api, path};

const URL: &str = "http://127.9.0.1:9000/a";
const ELSEWHERE: &str = "http://127.9.0.2/";

async fn bounded(per_owner: u64, per_host: u64) -> Api {
    let bounds =
        Config { max_subscriptions: Some(per_owner), max_subscriptions_per_host: Some(per_host), ..Config::default() };
    Api::with(bounds, |hooks| axum::Router::new().merge(hooks)).await
}

/// The problem's text.
fn too_many(answer: &Answer) -> &str {
    assert_eq!(answer.status, StatusCode::CONFLICT, "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!((&answer.body["title"], &answer.body["status"]), (&json!("Too many subscriptions"), &json!(409)));
    assert!(answer.body["type"].as_str().unwrap().ends_with("Problem.html#too-many-subscriptions"));
    answer.body["detail"].as_str().unwrap()
}

#[tokio::test]
async fn one_too_many_is_a_problem_that_says_what_to_do() {
    let app = bounded(2, 20).await;
    let first = app.create("alice", "a.1", URL).await;
    app.create("alice", "a.2", URL).await;
    let body = json!({ "event": "a.3", "url": URL });
    let answer = app.post("alice", body.clone()).await;
    assert_eq!(
        too_many(&answer),
        "the owner has 2 subscriptions, and the limit is 2 (`max_subscriptions`, THORN_MAX_SUBSCRIPTIONS); delete one \
         that isn't needed, let one pattern such as `article.*` ask for several events, or ask the operator for a higher \
         limit"
    );
    app.create("bob", "a.3", URL).await;
    for n in 0..4 {
        app.create("root", &format!("b.{n}"), URL).await;
    }
    // Fields that are wrong come first, whether their types or their values are.
    assert_eq!(app.post("alice", json!({ "event": "a.3", "url": URL, "headers": [] })).await.wrong(), ["headers"]);
    assert_eq!(app.post("alice", json!({ "event": "a..3", "url": URL })).await.wrong(), ["event"]);
    assert_eq!(app.post("alice", json!({ "event": "a.2", "url": URL })).await.wrong(), ["non_field_errors"]);
    assert_eq!(app.send(Method::DELETE, "alice", &path(&first), Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(app.post("alice", body).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_change_to_a_full_host_is_refused_to_the_owner_and_not_to_an_operator() {
    let app = bounded(100, 1).await;
    app.create("alice", "a.1", URL).await;
    let other = app.create("alice", "a.2", ELSEWHERE).await;
    let full = json!({ "event": "a.2", "url": "http://127.9.0.1/another" });
    for method in [Method::PATCH, Method::PUT] {
        let answer = app.send(method, "alice", &path(&other), full.clone()).await;
        let detail = too_many(&answer);
        assert!(detail.starts_with("the owner has 1 subscription to the host `127.9.0.1`, and the limit is 1 "));
        assert!(detail.contains("THORN_MAX_SUBSCRIPTIONS_PER_HOST") && detail.contains("use another host"));
    }
    let wrong = json!({ "url": "http://127.9.0.1/another", "headers": [] });
    assert_eq!(app.send(Method::PATCH, "alice", &path(&other), wrong).await.wrong(), ["headers"]);
    let same_host = json!({ "url": "http://127.9.0.2:8080/there" });
    assert_eq!(app.send(Method::PATCH, "alice", &path(&other), same_host).await.status, StatusCode::OK);
    assert_eq!(app.send(Method::PATCH, "root", &path(&other), full).await.status, StatusCode::OK);
}

#[tokio::test]
async fn too_many_bytes_of_headers_or_of_a_filter_are_told_with_the_setting_and_operators_may_have_more() {
    let bounds = Config { max_header_bytes: 20, max_filter_bytes: 30, ..Config::default() };
    let api = Api::with(bounds, |hooks| axum::Router::new().merge(hooks)).await;
    let text = |length: usize| "x".repeat(length);
    for (field, fits, too_long, told) in [
        (
            "headers",
            json!({ "X-A": text(17) }),
            json!({ "X-A": text(18) }),
            "the headers have 21 bytes, and the limit is 20 (`max_header_bytes`, THORN_MAX_HEADER_BYTES); the operator can set \
             a higher one",
        ),
        (
            "filter",
            json!({ "a": text(15) }),
            json!({ "a": text(16) }),
            "the filter has 31 bytes, and the limit is 30 (`max_filter_bytes`, THORN_MAX_FILTER_BYTES); the operator can set a \
             higher one",
        ),
    ] {
        let body = |event: &str, value: &Value| json!({ "event": event, "url": URL, field: value });
        let refused = api.post("alice", body("a.1", &too_long)).await;
        assert_eq!((refused.status, refused.wrong()), (StatusCode::BAD_REQUEST, vec![field]));
        assert!(refused.body.to_string().contains(told), "{}", refused.body);
        let made = api.post("alice", body(&format!("a.{field}"), &fits)).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.body);
        let change = json!({ field: too_long });
        let refused = api.send(Method::PATCH, "alice", &path(&made.body), change.clone()).await;
        assert_eq!((refused.status, refused.wrong()), (StatusCode::BAD_REQUEST, vec![field]));
        // Operators aren't bound, neither in an owner's subscription nor in their own. Its owner keeps what they have.
        let changed = api.send(Method::PATCH, "root", &path(&made.body), change).await;
        assert_eq!(changed.status, StatusCode::OK, "{}", changed.body);
        let paused = api.send(Method::PATCH, "alice", &path(&made.body), json!({ "paused": true })).await;
        assert_eq!(paused.status, StatusCode::OK, "{}", paused.body);
        let global = api.post("root", body(&format!("b.{field}"), &too_long)).await;
        assert_eq!(global.status, StatusCode::CREATED, "{}", global.body);
    }
}
