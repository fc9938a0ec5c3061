//! `/api/events/`, `/api/webhooks/` and `/trigger/`: the API of the Hooks app.

mod events;
mod links;
mod original;
mod owners;
mod retries;
mod trigger;
mod webhooks;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement};
use serde_json::{Value, json};

use super::server::Caller;

/// Declares an event. Returns its id.
async fn event(caller: &Caller, name: &str) -> i64 {
    caller.post("/api/events/", json!({ "name": name })).await.expect(201).json()["id"].as_i64().unwrap()
}

/// Creates a webhook. Returns the answer.
async fn webhook(caller: &Caller, name: &str, url: &str, events: &[i64]) -> Value {
    let body = json!({ "name": name, "url": url, "events": events });
    caller.post("/api/webhooks/", body).await.expect(201).json()
}

/// Triggers an event. Returns its id.
async fn trigger(caller: &Caller, name: &str) -> String {
    let answer = caller.post(&format!("/trigger/{name}"), json!({})).await.expect(202);
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// The subscriptions of a webhook as `/hooks/` lists them: pairs of an event and its subscription, by event.
async fn links(caller: &Caller, webhook: &Value) -> Vec<(String, Value)> {
    let source = json!(format!("webhook:{}", webhook["id"]));
    let listed = caller.get("/hooks/").await.expect(200).json();
    let mine = listed.as_array().unwrap().iter().filter(|one| one["configured"] == source);
    let mut links: Vec<_> = mine.map(|one| (one["event"].as_str().unwrap().to_owned(), one.clone())).collect();
    links.sort_by(|(one, _), (other, _)| one.cmp(other));
    links
}

/// The ids of such subscriptions.
fn ids(links: &[(String, Value)]) -> Vec<(&str, &str)> {
    links.iter().map(|(event, link)| (event.as_str(), link["id"].as_str().unwrap())).collect()
}

/// The secrets of webhooks and of subscriptions, as the database stores them.
async fn stored_secrets(db: &DatabaseConnection) -> Vec<String> {
    let sql =
        "SELECT secret FROM thorn_webhook UNION ALL SELECT secret FROM thorn_subscription WHERE deleted_at IS NULL";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    rows.iter().map(|row| row.try_get("", "secret").unwrap()).collect()
}
