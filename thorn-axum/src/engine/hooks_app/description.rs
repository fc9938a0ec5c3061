//! The descriptions of the Hooks app's API.

use serde_json::{Value, json};
use thorn_core::{Thorn, subscription::Access};

use crate::{
    engine::scope::{Hooks, Publish, Required as _},
    http::description::{
        Object, Operation, Resource, id, list, named, object, optional, or_null, text, text_like, url, whole_number,
    },
};

/// The descriptions of the routes, if they are there.
pub(in crate::engine) fn descriptions(thorn: &Thorn) -> Vec<Resource> {
    match thorn.webhooks(Access::Operator) {
        Ok(_) => vec![event_types(), webhooks(), trigger()],
        Err(_) => Vec::new(),
    }
}

fn event_types() -> Resource {
    let shown = object().with("id", whole_number(1, None), "").with("name", text_like("order.paid"), "").schema();
    let fields = |is_required| {
        let name = text_like("order.paid");
        match is_required {
            true => object().with("name", name, "").schema_with_others(),
            false => object().with("name", optional(name), "").schema_with_others(),
        }
    };
    let about = "Events by name, to be linked with webhooks. Paths end with a slash.";
    let resource = Resource::new("declared events", about, "/api/events").schema("EventType", shown);
    items(resource, "EventType", &fields)
}

fn webhooks() -> Resource {
    let schema = webhook().schema();
    let made = webhook().with("hmac_secret", optional(text()), "The secret. No other answer has it.").schema();
    let fields = |is_required| {
        let events = optional(json!({ "type": "array", "items": whole_number(1, None) }));
        let secret = optional(json!({ "type": "string", "minLength": 1 }));
        let names = match is_required {
            true => object().with("name", text(), "").with("url", url(), ""),
            false => object().with("name", optional(text()), "").with("url", optional(url()), ""),
        };
        names
            .with("events", events, "The ids of events. They stay as they are if left out.")
            .with("hmac_secret", secret, "Signs deliveries; made by the server if left out.")
            .schema_with_others()
    };
    let about = "URLs with a name, each linked with events. Paths end with a slash.";
    let resource = Resource::new("webhooks", about, "/api/webhooks").schema("Webhook", schema);
    items(resource.schema("MadeWebhook", made), "Webhook", &fields)
}

fn webhook() -> Object {
    object().with("id", whole_number(1, None), "").with("name", text(), "").with("url", text(), "").with(
        "events",
        list(whole_number(1, None)),
        "The ids of its events.",
    )
}

/// The operations that events and webhooks have alike. `fields` are those of a body, with or without required ones.
fn items(resource: Resource, shown: &'static str, fields: &dyn Fn(bool) -> Value) -> Resource {
    let (missing, taken) = ("There is no such item, or it is another owner's.", "The item can't be as the body says.");
    let made = if shown == "Webhook" { "MadeWebhook" } else { shown };
    let page = object()
        .with("count", whole_number(0, None), "Items in all.")
        .with("next", or_null(text()), "The URL of the next page.")
        .with("previous", or_null(text()), "The URL of the page before.")
        .with("results", list(named(shown)), "")
        .schema();
    let written = |operation: Operation, is_required| {
        operation.scope(Hooks::NAME).json_body(fields(is_required), true).problem(400, taken)
    };
    resource
        .parameter("id", whole_number(1, None), "The id of an item.")
        .operation(
            Operation::get("/", "Lists items by name, ten on a page")
                .scope(Hooks::NAME)
                .query("page", whole_number(1, None), "The number of the page; 1 if left out.")
                .answers_json(200, "A page.", page)
                .problem(404, "The list has no such page."),
        )
        .operation(
            written(Operation::post("/", "Creates an item"), true)
                .answers_json(201, "It is created.", named(made))
                .with_header(201, "Location", "The URL of the item.")
                .problem(409, "The owner has as many as an owner may have."),
        )
        .operation(
            Operation::get("/{id}/", "Shows an item")
                .scope(Hooks::NAME)
                .answers_json(200, "The item.", named(shown))
                .problem(404, missing),
        )
        .operation(
            written(Operation::put("/{id}/", "Replaces an item"), true)
                .answers_json(200, "The item as it is now.", named(shown))
                .problem(404, missing)
                .problem(409, "The owner has as many subscriptions as an owner may have."),
        )
        .operation(
            written(Operation::patch("/{id}/", "Changes an item"), false)
                .answers_json(200, "The item as it is now.", named(shown))
                .problem(404, missing)
                .problem(409, "The owner has as many subscriptions as an owner may have."),
        )
        .operation(
            Operation::delete("/{id}/", "Deletes an item")
                .scope(Hooks::NAME)
                .answers(204, "It is deleted, with its links.", [])
                .problem(404, missing),
        )
}

fn trigger() -> Resource {
    Resource::new("trigger", "Sends declared events.", "/trigger")
        .parameter("name", text_like("order.paid"), "The name of a declared event.")
        .operation(
            Operation::post("/{name}", "Sends an event to the webhooks that are linked with it")
                .about("The body of the event is `{event, time}` with the members of the request's body.")
                .scope(Publish::NAME)
                .once()
                .json_body(object().schema_with_others(), false)
                .answers_json(202, "It is stored, and will be delivered.", object().with("id", id(), "").schema())
                .with_header(202, "Location", "The URL of the event.")
                .problem(404, "No event of this name is declared."),
        )
}
