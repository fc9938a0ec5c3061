//! The Hooks app's own tests: their requests and expectations, but for the token.

use serde_json::json;

use crate::engine::server::{Caller, Server};

/// As the app had no check of addresses, one that lets `localhost` be.
async fn app() -> (Server, Caller) {
    Server::with(&[("THORN_ALLOW_NETWORKS", "127.0.0.0/8,::1/128")]).await
}

#[tokio::test]
async fn ac14_ha10_an_event_can_be_created() {
    let (_server, client) = app().await;
    client.post("/api/events/", json!({ "name": "test-one" })).await.expect(201);
}

#[tokio::test]
async fn ac14_ha10_the_list_has_the_event_that_was_created() {
    let (_server, client) = app().await;
    client.post("/api/events/", json!({ "name": "test-one" })).await.expect(201);
    let listed = client.get("/api/events/").await.expect(200).json();
    assert_eq!((&listed["count"], &listed["results"][0]["name"]), (&json!(1), &json!("test-one")));
}

#[tokio::test]
async fn ac14_ha10_a_webhook_can_be_created() {
    let (_server, client) = app().await;
    let data = json!({ "name": "test-hook", "url": "http://localhost/test", "events": [] });
    client.post("/api/webhooks/", data).await.expect(201);
}

#[tokio::test]
async fn ac14_ha10_the_list_has_the_webhook_that_was_created() {
    let (_server, client) = app().await;
    let data = json!({ "name": "test-hook", "url": "http://localhost/test", "events": [] });
    client.post("/api/webhooks/", data).await.expect(201);
    let listed = client.get("/api/webhooks/").await.expect(200).json();
    assert_eq!((&listed["count"], &listed["results"][0]["name"]), (&json!(1), &json!("test-hook")));
}
