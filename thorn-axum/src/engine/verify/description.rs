//! The description of `POST /hooks/verify/`.

use serde_json::Value;

use crate::http::description::{Operation, Resource, one_of, text};

pub(in crate::engine) fn description() -> Resource {
    let operation = Operation::post("/", "Tells a receiver whether thorn has sent what it received")
        .about("Send the body as it came, with the headers of the delivery. It needs no key.")
        .header("Webhook-Id", text(), "As received; or `Hook-Delivery`.")
        .header("Webhook-Timestamp", text(), "As received.")
        .header("Webhook-Signature", text(), "As received.")
        .header("Hook-Delivery", text(), "As received.")
        .header("Hook-Event-Id", text(), "As received.")
        .header("Hook-Subscription", text(), "As received.")
        .body([("application/json", Value::Null), ("*/*", Value::Null)], false)
        .answers(200, "The verdict.", [("text/plain", one_of(["VERIFIED", "INVALID"]))])
        .problem(429, "Too many requests come from this address.")
        .with_header(429, "Retry-After", "Seconds.");
    Resource::new("verify", "The check of a delivery by its receiver.", "/hooks/verify").operation(operation)
}
