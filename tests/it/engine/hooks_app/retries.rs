//! Edits of a webhook while a delivery waits for another attempt.

use serde_json::json;
use thorn_core::testing::{Receiver, Reply};

use super::{event, trigger, webhook};
use crate::{
    app::PATIENCE,
    engine::server::{Caller, Server, are},
};

/// A server with a webhook whose receiver fails, and the triggered event, whose delivery has failed at least once.
async fn failing() -> (Server, Caller, Receiver, String, i64, String) {
    let (server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    receiver.reply(Reply::status(500));
    let id = event(&operator, "a").await;
    let made = webhook(&operator, "w", &receiver.url("/old"), &[id]).await;
    let sent = trigger(&operator, "a").await;
    receiver.wait_for(1, PATIENCE).await.unwrap();
    (server, operator, receiver, format!("/api/webhooks/{}/", made["id"]), id, sent)
}

#[tokio::test]
async fn hooks_k13_ha5_a_retry_goes_to_the_new_url() {
    let (_server, operator, old, path, _, sent) = failing().await;
    let new = Receiver::start().await.unwrap();
    operator.send("PATCH", &path, json!({ "url": new.url("/new") })).await.expect(200);
    let received = new.wait_for(1, PATIENCE).await.unwrap().remove(0);
    assert_eq!(received.header("webhook-id"), old.received()[0].header("webhook-id"));
    let rows = operator.deliveries(&sent, |rows| rows.len() == 1 && rows[0]["state"] == "delivered").await;
    assert!(rows[0]["attempts"].as_u64() > Some(1), "{rows:?}");
}

#[tokio::test]
async fn hooks_k13_ha5_a_retry_is_cancelled_when_its_webhook_its_event_or_their_link_goes() {
    for what in ["the webhook", "the event", "the link"] {
        let (_server, operator, old, path, event, sent) = failing().await;
        match what {
            "the webhook" => operator.delete(&path).await.expect(204),
            "the event" => operator.delete(&format!("/api/events/{event}/")).await.expect(204),
            _ => operator.send("PATCH", &path, json!({ "events": [] })).await.expect(200),
        };
        let rows = operator.deliveries(&sent, |rows| rows.len() == 1 && rows[0]["state"] == "cancelled").await;
        assert_eq!(rows[0]["status"], 500, "{what}: the last attempt stays");
        let attempts = rows[0]["attempts"].as_u64().unwrap();
        assert_eq!(old.received().len() as u64, attempts, "{what}");
    }
}

#[tokio::test]
async fn hooks_k13_ha5_a_webhook_that_only_gets_another_name_keeps_its_retries() {
    let (_server, operator, receiver, path, id, sent) = failing().await;
    operator.send("PATCH", &path, json!({ "name": "v" })).await.expect(200);
    operator.send("PATCH", &format!("/api/events/{id}/"), json!({ "name": "b" })).await.expect(200);
    receiver.reply(Reply::status(200));
    operator.deliveries(&sent, |rows| rows.len() == 1 && rows[0]["state"] == "delivered").await;
    let renamed = trigger(&operator, "b").await;
    operator.deliveries(&renamed, are(1, "delivered", 1)).await;
}
