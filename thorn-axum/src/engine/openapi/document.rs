//! The OpenAPI document of all resources.

use serde_json::{Map, Value, json};

use crate::http::{
    description::{Resource, object, optional, text, whole_number},
    problem_types,
};

/// The scopes that a key may have.
const SCOPES: [(&str, &str); 10] = [
    ("dispatch", "Sends requests to URLs."),
    ("dispatch.response", "Reads back what the URLs answered."),
    ("publish", "Publishes events."),
    ("hub.publish", "Publishes topics of the hub."),
    ("stream", "Reads the stream of every event that the owner may see."),
    ("stream:PATTERN", "Reads the events of the stream that the pattern matches."),
    ("hooks", "Manages subscriptions."),
    ("read", "Reads events and their deliveries."),
    ("resend", "Sends the deliveries of an event again."),
    ("admin", "Manages keys."),
];

const ABOUT: &str = "Callers send an API key as `Authorization: Bearer thk_…`. The key's owner decides what they see, and \
    its scopes what they may do. Every path that ends in a slash works without it, and every path below a resource's own \
    works with it. HEAD works where GET does. A method that a path hasn't answers 405 with `Allow`. A request whose head \
    can't be read answers 400, 408 or 431 without a body.";

/// The document. `base_url` begins the server's own URLs.
pub(super) fn document(resources: impl IntoIterator<Item = Resource>, base_url: &str) -> Value {
    let mut document = json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Thorn",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Webhooks: events go to subscribed URLs, signed, retried and logged.",
            "description": ABOUT,
            "license": { "name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": base_url }],
        "tags": [],
        "paths": {},
        "components": {
            "schemas": { "Problem": problem() },
            "securitySchemes": {
                "apiKey": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key. Each operation names the scope that it needs.",
                    "x-scopes": table(SCOPES),
                },
            },
        },
        "x-problem-types": table(problem_types().map(|problem_type| (problem_type.url, problem_type.about))),
    });
    resources.into_iter().for_each(|resource| resource.add_to(&mut document));
    document
}

fn table<const N: usize>(rows: [(&str, &str); N]) -> Map<String, Value> {
    rows.into_iter().map(|(name, about)| (name.to_owned(), about.into())).collect()
}

fn problem() -> Value {
    let with_explanation = problem_types().map(|problem_type| {
        json!({ "const": problem_type.url, "title": problem_type.title, "description": problem_type.about })
    });
    let types: Vec<_> = with_explanation
        .into_iter()
        .chain([json!({ "const": "about:blank", "description": "The status says it." })])
        .collect();
    let messages =
        json!({ "type": "object", "additionalProperties": { "type": "array", "items": { "type": "string" } } });
    object()
        .with("type", json!({ "type": "string", "anyOf": types }), "What kind of problem it is.")
        .with("title", text(), "")
        .with("status", whole_number(400, Some(599)), "")
        .with("detail", optional(text()), "What went wrong this time.")
        .with("errors", optional(messages), "The messages of every invalid field.")
        .with("reference", optional(text()), "Where the server's log has the cause.")
        .with("earliest", optional(text()), "With `cursor-gone`: the first cursor from which every event is there.")
        .with("cursor", optional(text()), "The present cursor of a consumer.")
        .schema()
}
