//! The description of `/topics/`.

use serde_json::{Value, json};

use crate::{
    engine::scope::{HubPublish, Required as _},
    http::description::{Operation, Resource, id, list, named, object, or_null, text, time, url, whole_number},
};

/// The operations of one topic.
const ITEM: [&str; 2] = ["get_topics_topic_id", "delete_topics_topic_id"];

pub(in crate::engine) fn description() -> Resource {
    let missing = "There is no such topic, or it is another owner's.";
    Resource::new("topics", "Topics of the hub that publishers have registered.", "/topics")
        .parameter("topic_id", id(), "The id of a topic.")
        .schema("Topic", topic())
        .operation(Operation::get("/", "Lists the caller's topics").scope(HubPublish::NAME).paged().answers_json(
            200,
            "A page of topics.",
            list(named("Topic")),
        ))
        .operation(
            Operation::post("/", "Registers a topic")
                .scope(HubPublish::NAME)
                .json_body(object().with("url", url(), "What subscribers subscribe to.").schema(), true)
                .answers_json(200, "The caller has registered it before.", named("Topic"))
                .with_header(200, "Location", "The URL of the topic on this server.")
                .answers_json(201, "It is registered.", named("Topic"))
                .with_header(201, "Location", "The URL of the topic on this server.")
                .linked(201, "topic_id", "id", ITEM)
                .problem(409, "Somebody else has registered it, or the caller has as many as an owner may have."),
        )
        .operation(
            Operation::get("/{topic_id}", "Shows a topic")
                .scope(HubPublish::NAME)
                .answers_json(200, "The topic.", named("Topic"))
                .with_header(200, "Link", "The hub and the topic's own URL, as deliveries name them.")
                .problem(404, missing),
        )
        .operation(
            Operation::delete("/{topic_id}", "Deletes a topic, and ends its subscriptions")
                .scope(HubPublish::NAME)
                .answers(204, "It is deleted.", [])
                .problem(404, missing),
        )
}

fn topic() -> Value {
    object()
        .with("id", id(), "")
        .with("url", text(), "")
        .with("owner", or_null(text()), "Null for the operators.")
        .with("registered", json!({ "type": "boolean" }), "Otherwise it is here because somebody subscribed to it.")
        .with("hub", text(), "The hub, as deliveries name it.")
        .with("self", text(), "The topic's own URL, as deliveries name it.")
        .with("media_type", or_null(text()), "")
        .with("latest_event", or_null(id()), "The event of the newest version.")
        .with("created_at", time(), "")
        .with("pinged_at", or_null(time()), "When a publisher last said that it has changed.")
        .with("fetched_at", or_null(time()), "")
        .with("failures", whole_number(0, None), "Failures in a row to fetch it.")
        .schema()
}
