//! Configured subscriptions, which the API shows and doesn't change.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};
use thorn::subscription::ConfiguredSubscription;

use super::{Api, path};

const URL: &str = "http://127.9.0.1:9000/a";

#[tokio::test]
async fn thorn_099_188_what_is_configured_is_shown_to_whom_it_belongs_and_changed_by_nobody() {
    let app = Api::new().await;
    let list = [
        ConfiguredSubscription::signed("a.b", URL, "s3cr3t"),
        ConfiguredSubscription::unsigned("a.c", URL).owner("alice"),
    ];
    app.base.thorn.configure_subscriptions("blog", list).await.unwrap();
    let made = app.create("alice", "a.b", URL).await;
    let seen = async |user: &str| app.get(user, "/hooks/").await.body.as_array().unwrap().clone();
    assert_eq!((seen("root").await.len(), seen("alice").await.len(), seen("bob").await.len()), (3, 2, 0));
    let configured: Vec<Value> =
        seen("root").await.into_iter().filter(|one| one["configured"] == json!("blog")).collect();
    assert_eq!(configured.len(), 2);
    assert_eq!(made.get("configured"), None);
    let own = configured.iter().find(|one| one["user"] == json!("alice")).unwrap();
    let global = configured.iter().find(|one| one["user"].is_null()).unwrap();
    for (user, one) in [("root", global), ("root", own), ("alice", own)] {
        for (method, body) in
            [(Method::PATCH, json!({ "event": "x.y" })), (Method::PUT, one.clone()), (Method::DELETE, Value::Null)]
        {
            let answer = app.send(method.clone(), user, &path(one), body).await;
            assert_eq!(answer.status, StatusCode::CONFLICT, "{method} {user}: {}", answer.body);
            assert!(answer.body["detail"].as_str().unwrap().contains("the configuration `blog`"), "{}", answer.body);
        }
        assert_eq!(app.get(user, &path(one)).await.body, *one);
    }
    assert_eq!(app.send(Method::DELETE, "alice", &path(global), Value::Null).await.status, StatusCode::NOT_FOUND);
    // Nothing but its switch.
    let off = app.send(Method::PATCH, "root", &path(global), json!({ "enabled": false })).await;
    assert_eq!((off.status, &off.body["enabled"]), (StatusCode::OK, &json!(false)));
    assert_eq!(app.send(Method::DELETE, "alice", &path(&made), Value::Null).await.status, StatusCode::NO_CONTENT);
}
