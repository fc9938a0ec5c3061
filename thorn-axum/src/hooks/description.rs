//! The description of `/hooks/`.

use serde_json::{Value, json};

use crate::http::description::{
    Operation, Resource, id, list, named, object, one_of, optional, or_null, text, text_like, time, url, whole_number,
};

const DIGESTS: [&str; 5] = ["sha256", "sha512", "sha384", "sha224", "sha1"];

/// The operations of one subscription, below `/hooks`.
const ITEM: [&str; 8] = [
    "get_hooks_hook_id",
    "put_hooks_hook_id",
    "patch_hooks_hook_id",
    "delete_hooks_hook_id",
    "get_hooks_hook_id_secret",
    "get_hooks_hook_id_stats",
    "post_hooks_hook_id_probe",
    "post_hooks_hook_id_confirm",
];

const BUSY: &str = "Too many endpoints are being asked whether they want CloudEvents.";

/// The API below this path, for callers with this scope.
pub(crate) fn description(path: &str, scope: &'static str) -> Resource {
    let shown = || named("Subscription");
    let changed = |operation: Operation| {
        operation
            .scope(scope)
            .answers_json(200, "The subscription.", shown())
            .problem(400, "Fields are wrong.")
            .problem(404, "There is no such subscription.")
            .problem(
                409,
                "The owner has as many subscriptions as they may have, or the configuration defines this one.",
            )
            .problem(503, BUSY)
            .with_header(503, "Retry-After", "Seconds.")
    };
    Resource::new("hooks", "Subscriptions: which events go to which URL.", path)
        .parameter("hook_id", id(), "The id of a subscription.")
        .schema("Subscription", subscription())
        .schema("SubscriptionFields", fields(&[]))
        .schema("NewSubscription", fields(&["event", "url"]))
        .schema("Stats", stats())
        .operation(
            Operation::get("/", "Lists the caller's subscriptions, by URL and then newest first")
                .scope(scope)
                .paged()
                .answers_json(200, "A page of subscriptions.", list(shown())),
        )
        .operation(
            Operation::post("/", "Creates a subscription")
                .scope(scope)
                .json_body(named("NewSubscription"), true)
                .answers_json(201, "The subscription with its secret, which no list shows.", shown())
                .with_header(201, "Location", "The URL of the subscription.")
                .linked(201, "hook_id", "id", ITEM)
                .problem(400, "Fields are wrong.")
                .problem(409, "The owner has as many subscriptions as they may have.")
                .problem(503, BUSY)
                .with_header(503, "Retry-After", "Seconds."),
        )
        .operation(
            Operation::get("/{hook_id}/", "Shows a subscription")
                .scope(scope)
                .answers_json(200, "The subscription.", shown())
                .problem(404, "There is no such subscription."),
        )
        .operation(changed(
            Operation::put("/{hook_id}/", "Replaces a subscription")
                .about(
                    "`filter`, `hmac_secret`, `hmac_signer`, `headers`, `rate`, `max_in_flight`, `dialect`, `paused` and \
                     `enabled` stay if the body leaves them out.",
                )
                .json_body(named("NewSubscription"), true),
        ))
        .operation(changed(
            Operation::patch("/{hook_id}/", "Changes the fields in the body").json_body(named("SubscriptionFields"), false),
        ))
        .operation(
            Operation::delete("/{hook_id}/", "Deletes a subscription")
                .scope(scope)
                .answers(204, "It is deleted.", [])
                .problem(404, "There is no such subscription.")
                .problem(409, "The configuration defines it."),
        )
        .operation(
            Operation::get("/{hook_id}/secret/", "Shows the secret of a subscription")
                .scope(scope)
                .answers_json(
                    200,
                    "The secret; null if deliveries are unsigned.",
                    object().with("id", id(), "").with("hmac_secret", or_null(text()), "").schema(),
                )
                .problem(404, "There is no such subscription."),
        )
        .operation(
            Operation::get("/{hook_id}/stats/", "Shows the figures of a subscription")
                .scope(scope)
                .query("since", text_like("7d"), "A time such as 2022-04-07T21:39:13Z, or how long ago, such as 90m, 24h or 7d.")
                .query("until", text_like("1h"), "The same for the end.")
                .query("step", text_like("6h"), "The length of a step of `series`, such as 15m, 6h or 1d.")
                .answers_json(200, "The figures.", named("Stats"))
                .problem(400, "A parameter of the query is wrong.")
                .problem(404, "There is no such subscription."),
        )
        .operation(
            Operation::post("/{hook_id}/probe/", "Ends the wait of a held subscription")
                .about("The next delivery is the probe. Nothing changes if nothing is held.")
                .scope(scope)
                .answers_json(200, "The subscription.", shown())
                .problem(404, "There is no such subscription.")
                .problem(409, "The configuration defines it."),
        )
        .operation(
            Operation::post("/{hook_id}/confirm/", "Asks the endpoint of a subscription again whether it wants deliveries")
                .about("The answer comes later. Nothing changes if the endpoint has confirmed, or needn't.")
                .scope(scope)
                .answers_json(200, "The subscription.", shown())
                .problem(404, "There is no such subscription."),
        )
}

fn subscription() -> Value {
    object()
        .with("id", id(), "")
        .with("event", text(), "The events that it matches, as a pattern.")
        .with("filter", or_null(json!({ "type": "object" })), "A condition on the event's data.")
        .with("url", text(), "The URL that deliveries go to.")
        .with("content_type", text(), "The form of the body.")
        .with("user", or_null(text()), "The owner; null for a global one.")
        .with("hmac_digest", one_of(DIGESTS), "The hash function of `Hook-HMAC`.")
        .with("hmac_signer", one_of(["hmac", "compat"]), "The form of `Hook-HMAC`.")
        .with("hmac_secret", optional(or_null(text())), "Only the answer that creates it has this member.")
        .with("header_names", list(text()), "The names of the headers that each delivery has besides.")
        .with("rate", or_null(text()), "The most deliveries in a period.")
        .with("max_in_flight", or_null(whole_number(1, Some(64))), "The most requests under way at once.")
        .with("dialect", text(), "The protocol of the deliveries.")
        .with("configured", optional(text()), "The configuration that defines it. Callers can't change it.")
        .with("enabled", json!({ "type": "boolean" }), "")
        .with("disabled_reason", or_null(text()), "")
        .with("paused", json!({ "type": "boolean" }), "")
        .with("paused_at", or_null(time()), "")
        .with("failing_since", or_null(time()), "The first failed attempt since the last success.")
        .with("held_until", or_null(time()), "")
        .with("held", or_null(held()), "The hold of its deliveries; null while they are sent.")
        .with(
            "confirmation",
            or_null(one_of(["pending", "confirmed", "refused"])),
            "Whether the endpoint wants the deliveries; null if it needn't say so.",
        )
        .with(
            "confirmation_outcome",
            or_null(one_of(["rejected", "timed_out", "unreachable", "blocked"])),
            "How the question to an endpoint that hasn't confirmed has ended.",
        )
        .with("created_at", time(), "")
        .with("updated_at", time(), "")
        .with("subscription", text(), "The URL of the subscription itself.")
        .schema()
}

fn held() -> Value {
    object()
        .with("until", time(), "Until when nothing is sent. Then one delivery is tried as a probe.")
        .with("step", whole_number(0, None), "How many holds have followed one another, with this one.")
        .with("since", or_null(time()), "When the first of them began.")
        .with(
            "reason",
            or_null(one_of(["asked", "rejected", "timed_out", "unreachable", "blocked"])),
            "`asked` if the receiver asked for a pause, else the outcome of the attempt that began the hold.",
        )
        .with("status", or_null(whole_number(0, None)), "The status of that attempt, if there was a response.")
        .with("error", or_null(text()), "Its error. Owners see it only if there was a response.")
        .schema()
}

/// The fields that a caller may send, with those that must be there. Others are ignored.
fn fields(required: &[&str]) -> Value {
    let mut schema = object()
        .with("event", optional(text_like("order.*")), "The events to receive, as a pattern such as `order.*`.")
        .with("url", optional(url()), "The URL that receives them.")
        .with(
            "filter",
            optional(or_null(json!({ "type": "object", "examples": [{ "state": "PAID" }] }))),
            "A condition on the event's data.",
        )
        .with(
            "content_type",
            optional(one_of(["application/json", "application/x-www-form-urlencoded"])),
            "The form of the body.",
        )
        .with("hmac_secret", optional(text()), "The secret that signs deliveries; generated if left out.")
        .with("hmac_digest", optional(one_of(DIGESTS)), "The hash function of `Hook-HMAC`.")
        .with("hmac_signer", optional(one_of(["hmac", "compat"])), "The form of `Hook-HMAC`.")
        .with(
            "headers",
            optional(json!({ "type": "object", "additionalProperties": { "type": "string" } })),
            "Headers that each delivery has besides. They replace all earlier ones.",
        )
        .with(
            "rate",
            optional(or_null(text_like("10/s"))),
            "The most deliveries in a period, such as `10/s` or `300/m`.",
        )
        .with("max_in_flight", optional(or_null(whole_number(1, Some(64)))), "The most requests under way at once.")
        .with(
            "dialect",
            optional(one_of(["thorn", "cloudevents", "cloudevents-binary"])),
            "The protocol of the deliveries. CloudEvents need the consent of the endpoint.",
        )
        .with("enabled", optional(json!({ "type": "boolean" })), "`false` stops deliveries.")
        .with("paused", optional(json!({ "type": "boolean" })), "`true` keeps deliveries until it is `false` again.")
        .with("kept", optional(one_of(["deliver", "discard"])), "What becomes of kept deliveries.")
        .schema();
    schema["additionalProperties"] = true.into();
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn stats() -> Value {
    let count = || whole_number(0, None);
    let failure =
        object().with("at", time(), "").with("status", or_null(count()), "").with("error", or_null(text()), "");
    let point = object()
        .with("at", time(), "When the step begins.")
        .with("delivered", count(), "")
        .with("failed", count(), "")
        .with("p95_ms", or_null(count()), "");
    object()
        .with("health", one_of(["disabled", "paused", "held", "failing", "idle", "healthy"]), "")
        .with("success_rate", or_null(json!({ "type": "number", "minimum": 0, "maximum": 1 })), "")
        .with("attempts", count(), "Attempts in the window.")
        .with("p50_ms", or_null(count()), "Milliseconds within which half of the requests were answered.")
        .with("p95_ms", or_null(count()), "The same for 95 % of them.")
        .with("last_success_at", or_null(time()), "")
        .with("last_failure", or_null(failure.schema()), "")
        .with("failing_since", or_null(time()), "")
        .with("held_until", or_null(time()), "")
        .with("held", or_null(held()), "The hold of its deliveries; null while they are sent.")
        .with("disables_at", or_null(time()), "When it will be disabled if no attempt succeeds.")
        .with("waiting", count(), "Deliveries that wait for an attempt, counted up to 10,000.")
        .with("oldest_waiting_at", or_null(time()), "")
        .with("dead", count(), "Deliveries that were given up, counted up to 10,000.")
        .with("series", list(point.schema()), "The steps of the window, the oldest first.")
        .schema()
}
