//! The description of `/events/`.

use serde_json::{Value, json};

use super::cloud_events::MAX_EVENTS;
use crate::{
    engine::scope::{Publish, Read, Required as _, Resend},
    http::description::{
        Operation, Resource, id, list, named, object, optional, or_null, text, text_like, time, whole_number,
    },
};

/// The operations of one event.
const ITEM: [&str; 4] = [
    "get_events_event_id",
    "get_events_event_id_body",
    "get_events_event_id_deliveries",
    "post_events_event_id_resend",
];

pub(in crate::engine) fn description() -> Resource {
    let missing = "There is no such event, or it is another owner's.";
    let made = object().with("id", id(), "The id of the event.").schema();
    let all = object().with("ids", list(id()), "The ids of a batch's events.").schema();
    let batch = json!({ "type": "array", "items": named("CloudEvent"), "maxItems": MAX_EVENTS });
    let bodies = [
        ("application/json", named("NewEvent")),
        ("application/cloudevents+json", named("CloudEvent")),
        ("application/cloudevents-batch+json", batch),
    ];
    Resource::new("events", "Events: they are published, listed, read back, and sent again.", "/events")
        .parameter("event_id", id(), "The id of an event.")
        .schema("Event", event().schema())
        .schema(
            "EventWithBody",
            event().with("body", json!({}), "The JSON that is sent; null for a raw event.").schema(),
        )
        .schema("NewEvent", new_event())
        .schema("CloudEvent", cloud_event())
        .schema("Delivery", delivery())
        .operation(
            Operation::get("/", "Lists events, the newest first")
                .scope(Read::NAME)
                .query("name", text_like("order.paid"), "Lists only events of this name.")
                .paged()
                .answers_json(200, "A page of events.", list(named("Event"))),
        )
        .operation(
            Operation::post("/", "Publishes an event, or CloudEvents")
                .about(
                    "With headers that begin with `ce-`, the body is the data of a CloudEvent, of any media type. A \
                     CloudEvent that comes again is the same event.",
                )
                .scope(Publish::NAME)
                .once()
                .header("ce-specversion", text(), "`1.0`, for a CloudEvent in binary mode; its attributes are headers.")
                .body(bodies, true)
                .answers_json(200, "All the CloudEvents came before.", json!({ "oneOf": [made, all] }))
                .answers_json(201, "The events are stored, and will be delivered.", json!({ "oneOf": [made, all] }))
                .with_header(201, "Location", "The URL of the event, if it is one.")
                .linked(201, "event_id", "id", ITEM)
                .problem(403, "An owner sends as themselves, and only operators broadcast.")
                .problem(415, "The body is neither JSON nor CloudEvents."),
        )
        .operation(
            Operation::options("/", "Asks whether CloudEvents are welcome")
                .header("WebHook-Request-Origin", text(), "The name of the sender.")
                .answers(200, "They are; or a browser's question is answered.", [])
                .with_header(200, "WebHook-Allowed-Origin", "The name of the sender.")
                .with_header(200, "WebHook-Allowed-Rate", "`*`")
                .problem(400, "`WebHook-Request-Origin` is there more than once."),
        )
        .operation(
            Operation::get("/{event_id}", "Shows an event")
                .scope(Read::NAME)
                .answers_json(200, "The event.", named("EventWithBody"))
                .problem(404, missing),
        )
        .operation(
            Operation::get("/{event_id}/body", "Reads the exact bytes of an event")
                .scope(Read::NAME)
                .answers(200, "The bytes, with the media type of the event.", [("*/*", Value::Null)])
                .with_header(200, "Content-Disposition", "`attachment`")
                .problem(404, missing),
        )
        .operation(
            Operation::get("/{event_id}/deliveries", "Lists the deliveries of an event")
                .scope(Read::NAME)
                .paged()
                .answers_json(200, "A page of deliveries.", list(named("Delivery")))
                .problem(404, missing),
        )
        .operation(
            Operation::post("/{event_id}/resend", "Sends the deliveries of an event again")
                .scope(Resend::NAME)
                .once()
                .json_body(object().with("delivery", optional(or_null(id())), "Only this one.").schema(), false)
                .answers_json(
                    202,
                    "They will be sent.",
                    object().with("id", id(), "").with("deliveries", list(id()), "").schema(),
                )
                .problem(404, "There is no such event or delivery, or it is another owner's.")
                .problem(409, "A delivery is under way, or there are too many."),
        )
}

fn event() -> crate::http::description::Object {
    object()
        .with("id", id(), "")
        .with("event", text(), "The name.")
        .with("sender", or_null(text()), "")
        .with("broadcast", json!({ "type": "boolean" }), "Whether it reaches the subscriptions of every owner.")
        .with("created_at", time(), "")
        .with("relayed_at", or_null(time()), "When its deliveries were made.")
        .with("targets", optional(list(named("Delivery"))), "The deliveries of a dispatch, in lists.")
}

fn new_event() -> Value {
    object()
        .with("event", text_like("order.paid"), "The name.")
        .with("data", json!({}), "Any JSON.")
        .with("ref", optional(or_null(text())), "What the event is about, such as the path of a page.")
        .with("sender", optional(or_null(text())), "The owner who caused it. An owner's key sends as its owner.")
        .with("broadcast", optional(json!({ "type": "boolean" })), "Reaches the subscriptions of every owner.")
        .schema()
}

fn cloud_event() -> Value {
    let attribute = || json!({ "type": "string", "minLength": 1, "maxLength": 2048 });
    object()
        .with("specversion", json!({ "const": "1.0" }), "")
        .with("id", attribute(), "Unique together with the source.")
        .with("source", attribute(), "")
        .with("type", attribute(), "The name of the event.")
        .with("subject", optional(or_null(attribute())), "The `ref` of the event.")
        .with("time", optional(or_null(time())), "")
        .with("datacontenttype", optional(or_null(attribute())), "")
        .with("dataschema", optional(or_null(attribute())), "")
        .with("data", optional(json!({})), "")
        .with("data_base64", optional(json!({ "type": "string", "contentEncoding": "base64" })), "")
        .schema_with_others()
}

fn delivery() -> Value {
    object()
        .with("id", id(), "The receiver sees it as `webhook-id`.")
        .with("subscription", id(), "")
        .with("url", or_null(text()), "")
        .with(
            "state",
            or_null(text()),
            "`delivered`, `waiting`, `dead` or `cancelled`; null if this version doesn't know it.",
        )
        .with("attempts", whole_number(0, None), "")
        .with("next_attempt_at", or_null(time()), "")
        .with("attempted_at", or_null(time()), "")
        .with("duration_ms", or_null(whole_number(0, None)), "")
        .with("outcome", or_null(text()), "")
        .with("status", or_null(whole_number(0, None)), "The status of the response.")
        .with("error", optional(or_null(text())), "Shown to operators only.")
        .schema()
}
