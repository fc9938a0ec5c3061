//! CloudEvents: in at `/events/`, out to subscriptions. Tests are named after the rows CE1 to CE8 of the reference.

mod consent;
mod incoming;
mod once;
mod outgoing;
mod sdks;

use serde_json::{Value, json};

use super::server::Caller;
use crate::blog::http::{self, Answer};

const STRUCTURED: &str = "content-type: application/cloudevents+json\r\n";
const BATCH: &str = "content-type: application/cloudevents-batch+json\r\n";

/// The header lines of an event in binary mode.
fn binary(id: &str, source: &str, event: &str) -> String {
    format!("ce-specversion: 1.0\r\nce-id: {id}\r\nce-source: {source}\r\nce-type: {event}\r\n")
}

/// An event in the JSON format.
fn structured(id: &str, source: &str, event: &str) -> Value {
    json!({ "specversion": "1.0", "id": id, "source": source, "type": event })
}

async fn post(caller: &Caller, headers: &str, body: &[u8]) -> Answer {
    let headers = format!("{}{headers}", caller.authorization());
    http::request(caller.port(), "POST", "/events/", &headers, body).await
}

/// The id of the event in an answer.
fn id(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}

/// The number of events that the caller sees.
async fn events(caller: &Caller) -> usize {
    caller.get("/events/").await.expect(200).json().as_array().unwrap().len()
}
