//! Keys, scopes and owners.

use serde_json::json;
use thorn_core::testing::Receiver;

use super::{event, links, trigger, webhook};
use crate::{
    app::PATIENCE,
    engine::server::{Server, are},
};

#[tokio::test]
async fn hooks_k03_every_request_needs_a_key_with_the_scope() {
    let (server, operator) = Server::start().await;
    event(&operator, "a").await;
    let (hooks, publish) = (server.key(None, "hooks"), server.key(None, "publish"));
    server.get("/api/events/").await.expect(401);
    server.caller("thk_no").post("/trigger/a", json!({})).await.expect(401);
    for path in ["/api/events/", "/api/webhooks/"] {
        hooks.get(path).await.expect(200);
        publish.get(path).await.expect(403);
        publish.post(path, json!({})).await.expect(403);
    }
    publish.post("/trigger/a", json!({})).await.expect(202);
    hooks.post("/trigger/a", json!({})).await.expect(403);
}

#[tokio::test]
async fn hooks_k03_owners_have_events_and_webhooks_of_their_own() {
    let (server, operator) = Server::start().await;
    let callers = [server.key(Some("alice"), "publish,read,hooks"), server.key(Some("bob"), "publish,read,hooks")];
    let [alice, bob] = &callers;
    let receiver = Receiver::start().await.unwrap();
    let mut made = Vec::new();
    // The same names don't disturb each other, not even an operator's.
    for (caller, path) in [(alice, "/alice"), (bob, "/bob"), (&operator, "/operator")] {
        let id = event(caller, "order.paid").await;
        made.push((id, webhook(caller, "shop", &receiver.url(path), &[id]).await));
    }
    let (hers, webhook_of_hers) = &made[0];
    for path in [format!("/api/events/{hers}/"), format!("/api/webhooks/{}/", webhook_of_hers["id"])] {
        for stranger in [bob, &operator] {
            stranger.get(&path).await.expect(404);
            stranger.send("PATCH", &path, json!({ "name": "x" })).await.expect(404);
            stranger.delete(&path).await.expect(404);
        }
        alice.get(&path).await.expect(200);
    }
    bob.post("/api/webhooks/", json!({ "name": "x", "url": receiver.url("/x"), "events": [hers] })).await.expect(400);
    for caller in [alice, bob, &operator] {
        assert_eq!(caller.get("/api/events/").await.expect(200).json()["count"], 1);
        assert_eq!(caller.get("/api/webhooks/").await.expect(200).json()["count"], 1);
    }
    // `/hooks/` has the owner's links only, and all of them for an operator.
    assert_eq!(links(alice, webhook_of_hers).await[0].1["user"], "alice");
    assert_eq!(bob.get("/hooks/").await.expect(200).json().as_array().unwrap().len(), 1);
    assert_eq!(operator.get("/hooks/").await.expect(200).json().as_array().unwrap().len(), 3);

    // Her event goes to her webhook, and to an operator's, which is global.
    let id = trigger(alice, "order.paid").await;
    operator.deliveries(&id, are(2, "delivered", 1)).await;
    alice.deliveries(&id, are(1, "delivered", 1)).await;
    bob.get(&format!("/events/{id}")).await.expect(404);
    let everybodys = trigger(&operator, "order.paid").await;
    operator.deliveries(&everybodys, are(1, "delivered", 1)).await;
    let mut paths: Vec<_> = receiver.wait_for(3, PATIENCE).await.unwrap().into_iter().map(|one| one.path).collect();
    paths.sort();
    assert_eq!(paths, ["/alice", "/operator", "/operator"]);
    event(alice, "only.hers").await;
    bob.post("/trigger/only.hers", json!({})).await.expect(404);
}
