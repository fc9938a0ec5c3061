//! The description of `POST /dispatch`.

use serde_json::{Value, json};

use super::{control::Control, refused::MAX_TARGETS, request::SECRET};
use crate::{
    engine::scope::{Dispatch, Required as _},
    http::description::{Operation, Resource, id, list, object, or_null, text, text_like, url},
};

const CONTROLS: [(Control, &str); 4] = [
    (Control::Url, "A URL that gets the body; at most 16 of them."),
    (Control::Topic, "The name of the event that the body becomes."),
    (Control::Errback, "A URL that hears of deliveries that failed for good."),
    (Control::Callback, "A URL that gets what each target answers. It needs the scope `dispatch.response` as well."),
];

pub(in crate::engine) fn description() -> Resource {
    let urls = json!({ "type": "array", "items": url(), "maxItems": MAX_TARGETS });
    let operation = Operation::post("", "Sends the body to URLs, or makes an event of it")
        .about(
            "The body goes on as it is. Control fields say where it goes. They stand in the query, in headers, or in the \
             fields of a form, from which they are cut out. Errors are text, unless the request accepts JSON.",
        )
        .scope(Dispatch::NAME)
        .once();
    let operation = CONTROLS.into_iter().fold(operation, |operation, (control, about)| {
        let schema = if control == Control::Url { urls.clone() } else { text() };
        operation.query(control.name(), schema, about).header(control.header(), text(), about)
    });
    let target = object().with("url", text(), "").with("delivery", id(), "The target sees it as `webhook-id`.");
    let topic = object().with("name", text(), "").with("id", id(), "The event of the topic.");
    let accepted = object()
        .with("id", id(), "The event that goes to the targets, or else that of the topic.")
        .with("targets", list(target.schema()), "")
        .with("topic", or_null(topic.schema()), "");
    let form = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let bodies = [
        ("application/x-www-form-urlencoded", form.clone()),
        ("multipart/form-data", form),
        ("application/json", json!({})),
        ("text/plain", text()),
        ("*/*", Value::Null),
    ];
    let operation = operation
        .header(SECRET, text(), "The secret that signs the deliveries.")
        .header("Prefer", text_like("wait=5"), "Waits for the response of the only target; with `dispatch.response`.")
        .body(bodies, false)
        .answers(200, "The response of the target, as it was asked for with `Prefer`.", [("*/*", Value::Null)])
        .with_header(200, "Preference-Applied", "`wait`, with the seconds.")
        .with_header(200, "Thorn-Response-Status", "The status of the response.")
        .with_header(200, "Thorn-Response-To", "The id of the delivery.")
        .answers(202, "It is stored, and will be sent.", [("text/plain", text())])
        .answers_json(202, "It is stored, and will be sent.", accepted.schema())
        .with_header(202, "Location", "The URL of the event.")
        .problem(
            403,
            "The topic of a hub needs the scope `hub.publish`, and the response of a target `dispatch.response`.",
        )
        .problem(404, "The hub has no such topic.")
        .problem(415, "The body has a `Content-Encoding`.");
    Resource::new("dispatch", "Requests that thorn sends on.", "/dispatch").operation(operation.errors_are_text_too())
}
