//! The description of `/stream` and `/consumers/`.

use serde_json::{Value, json};

use crate::http::description::{
    Operation, Resource, list, named, object, one_of, optional, or_null, text, text_like, time, whole_number,
};

/// The operations of one consumer.
const CONSUMER: [&str; 4] = [
    "get_consumers_consumer_name",
    "delete_consumers_consumer_name",
    "get_consumers_consumer_name_events",
    "post_consumers_consumer_name_ack",
];

/// The API below this path, for callers with this scope.
pub(crate) fn description(path: &str, scope: &'static str) -> Resource {
    let shown = || named("Consumer");
    Resource::new("streams", "Committed events, in an order that never changes.", path)
        .parameter("consumer_name", text(), "The name of a consumer.")
        .schema("Consumer", consumer())
        .schema("StreamedEvent", event())
        .schema("Poll", poll())
        .operation(
            open(Operation::get("/stream", "Opens a stream of events, or asks for the next ones"))
                .about(
                    "`Accept: text/event-stream` asks for server-sent events, `application/json` or `wait` for one \
                     answer, and anything else for lines of JSON. A stream doesn't end.",
                )
                .scope(scope)
                .query("after", text_like("earliest"), "Where to begin: a cursor, `now` or `earliest`.")
                .query("count", whole_number(0, Some(1000)), "Begins with so many of the latest events instead.")
                .query("named", flag(), "Names each server-sent event.")
                .query("checkpoint", flag(), "Shows, instead of a heartbeat, how far the stream has looked.")
                .query("delimited", one_of(["length"]), "Writes the length before each line of JSON.")
                .header("Last-Event-ID", text(), "The cursor that a browser comes back with. It wins over `after`.")
                .answers(200, "Events.", [("text/event-stream", Value::Null), ("application/x-ndjson", Value::Null)])
                .with_header(200, "Thorn-Cursor", "Where the stream begins, or the cursor behind the answer's events."),
        )
        .operation(Operation::get("/consumers/", "Lists the caller's consumers").scope(scope).answers_json(
            200,
            "The consumers.",
            list(shown()),
        ))
        .operation(
            Operation::put("/consumers/{consumer_name}/", "Creates a consumer")
                .about("It begins at the end of the log, or at `cursor`. One that exists stays as it is.")
                .scope(scope)
                .json_body(
                    object()
                        .with("cursor", optional(text_like("earliest")), "A cursor, `earliest` or `now`.")
                        .schema_with_others(),
                    false,
                )
                .answers_json(200, "It exists.", shown())
                .answers_json(201, "It is created.", shown())
                .linked(201, "consumer_name", "name", CONSUMER)
                .problem(400, "The name or the cursor is none.")
                .problem(404, "The path has no name.")
                .problem(410, "Events behind the cursor are missing."),
        )
        .operation(
            Operation::get("/consumers/{consumer_name}/", "Shows a consumer")
                .scope(scope)
                .answers_json(200, "The consumer.", shown())
                .problem(404, "There is no such consumer."),
        )
        .operation(
            Operation::delete("/consumers/{consumer_name}/", "Deletes a consumer")
                .scope(scope)
                .answers(204, "It is deleted.", [])
                .problem(404, "There is no such consumer."),
        )
        .operation(
            open(Operation::get(
                "/consumers/{consumer_name}/events/",
                "Reads the next events behind a consumer's cursor",
            ))
            .about("It doesn't move the cursor.")
            .scope(scope)
            .with_header(200, "Thorn-Cursor", "The cursor behind the answer's events.")
            .problem(404, "There is no such consumer."),
        )
        .operation(
            Operation::post("/consumers/{consumer_name}/ack/", "Moves a consumer's cursor")
                .scope(scope)
                .json_body(
                    object()
                        .with("cursor", text(), "The cursor behind the last event that was handled.")
                        .with("seek", optional(json!({ "type": "boolean" })), "Allows to move the cursor back.")
                        .schema_with_others(),
                    true,
                )
                .answers_json(200, "The consumer.", shown())
                .problem(400, "The cursor is none.")
                .problem(404, "There is no such consumer.")
                .problem(409, "The consumer has a later cursor.")
                .problem(410, "Events behind the cursor are missing."),
        )
}

/// The parameters and answers of a stream and of a long poll.
fn open(operation: Operation) -> Operation {
    let topics = json!({ "type": "array", "items": text_like("order.*"), "minItems": 1, "maxItems": 100, "examples": [["order.*"]] });
    let wait = json!({ "type": "number", "minimum": 0, "maximum": 60 });
    operation
        .required_query("topic", topics, "Patterns of event names, any of which suffices. `*` is every event.")
        .query("filter", text_like("{\"state\":\"PAID\"}"), "A condition on the event's data, as JSON.")
        .query("wait", wait, "Seconds that a long poll waits for the first event.")
        .query("limit", whole_number(1, Some(1000)), "Events of a long poll at most; 100 if left out.")
        .answers_json(200, "Events.", named("Poll"))
        .problem(400, "A parameter of the query is wrong.")
        .problem(410, "Events behind the cursor are missing.")
        .problem(429, "Too many streams are open.")
        .with_header(429, "Retry-After", "Seconds.")
        .problem(503, "The server stops, or has no place for a stream.")
        .with_header(503, "Retry-After", "Seconds.")
}

fn flag() -> Value {
    one_of(["0", "1", "false", "true"])
}

fn consumer() -> Value {
    object()
        .with("name", text(), "")
        .with("cursor", text(), "")
        .with("created_at", time(), "")
        .with("updated_at", time(), "")
        .schema()
}

fn event() -> Value {
    object()
        .with("cursor", text(), "The event's place in the log.")
        .with("id", text(), "")
        .with("event", text(), "The event's name.")
        .with("ref", or_null(text()), "")
        .with("sender", or_null(text()), "")
        .with("time", time(), "")
        .with("data", optional(json!({})), "")
        .with("extra", optional(json!({ "type": "object" })), "Further members of the event's JSON.")
        .with("type", optional(or_null(text())), "The media type of a raw event.")
        .with("text", optional(text()), "The bytes of a raw event that aren't JSON.")
        .with("base64", optional(text()), "The bytes of a raw event that aren't text.")
        .schema()
}

fn poll() -> Value {
    object()
        .with("events", list(named("StreamedEvent")), "")
        .with("cursor", text(), "Everything up to here was looked at.")
        .with("more", json!({ "type": "boolean" }), "Whether to ask again without waiting.")
        .schema()
}
