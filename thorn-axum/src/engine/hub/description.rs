//! The description of `/hub`, `/subscribe` and `/publish`.

use serde_json::{Value, json};

use crate::http::description::{Operation, Resource, object, one_of, optional, text, url};

const FORM: &str = "application/x-www-form-urlencoded";

pub(in crate::engine) fn description() -> Resource {
    let about = "The hub of WebSub, and of PubSubHubbub 0.1 to 0.4 for requests with `hub.verify`. The three paths are the \
                 same: `hub.mode` says what is done. Errors are one line of text.";
    let resource = Resource::new("hub", about, "");
    ["/hub", "/subscribe", "/publish"].into_iter().fold(resource, |resource, path| resource.operation(operation(path)))
}

fn operation(path: &'static str) -> Operation {
    let form = json!({ "oneOf": [subscription(), publication()] });
    Operation::post(path, "Subscribes, unsubscribes, or says that topics have changed")
        .about(
            "`subscribe` and `unsubscribe` need no key: the callback is asked with a GET whether it agrees. `publish` \
             needs an API key with the scope `hub.publish`, unless the hub is open.",
        )
        .body([(FORM, form)], true)
        .answers(202, "The callback will be asked.", [])
        .answers(204, "Topics are marked as changed; or the callback agreed while a PubSubHubbub request waited.", [])
        .problem(400, "A parameter is missing, wrong, or there more than once.")
        .problem(401, "`publish` without an API key.")
        .with_header(401, "WWW-Authenticate", "`Bearer`")
        .problem(404, "The hub has no such topic.")
        .problem(409, "The callback of a PubSubHubbub request that waited didn't agree.")
        .problem(415, "The body is no form.")
        .problem(429, "Too many requests of this address, or to this callback's host.")
        .with_header(429, "Retry-After", "Seconds.")
        .problem(503, "The topic or the hub has as many subscriptions as it may have.")
        .with_header(503, "Retry-After", "Seconds.")
        .errors_are_text_too()
}

fn subscription() -> Value {
    let digits = json!({ "type": "string", "pattern": "^[0-9]+$" });
    object()
        .with("hub.mode", one_of(["subscribe", "unsubscribe"]), "")
        .with("hub.callback", url(), "The URL that is asked, and gets the topic's versions.")
        .with("hub.topic", url(), "")
        .with("hub.lease_seconds", optional(digits), "A wish, which is moved into the hub's range.")
        .with("hub.secret", optional(json!({ "type": "string", "maxLength": 199 })), "Signs deliveries.")
        .with("hub.verify", optional(text()), "`sync` or `async`: the request is one of PubSubHubbub.")
        .with("hub.verify_token", optional(text()), "The callback of a PubSubHubbub request gets it back.")
        .schema_with_others()
}

fn publication() -> Value {
    let topics = || optional(json!({ "type": "array", "items": url() }));
    object()
        .with("hub.mode", json!({ "const": "publish" }), "")
        .with("hub.url", topics(), "The topics that have changed.")
        .with("hub.topic", topics(), "The same.")
        .schema_with_others()
}
