//! The description of `/keys/`.

use serde_json::{Value, json};

use crate::{
    engine::scope::{Admin, Required as _},
    http::description::{
        Object, Operation, Resource, id, list, named, object, optional, or_null, text, text_like, time,
    },
};

/// The operations of one key.
const ITEM: [&str; 2] = ["get_keys_key_id", "delete_keys_key_id"];

pub(in crate::engine) fn description() -> Resource {
    let missing = "There is no such key, or it is another owner's.";
    Resource::new("keys", "API keys.", "/keys")
        .parameter("key_id", id(), "The id of a key, which isn't the key itself.")
        .schema("Key", key().schema())
        .schema("MadeKey", key().with("key", text_like("thk_…"), "The key. No other answer has it.").schema())
        .schema("NewKey", new_key())
        .operation(
            Operation::get("/", "Lists keys: an operator's all, an owner's those of the owner")
                .scope(Admin::NAME)
                .paged()
                .answers_json(200, "A page of keys.", list(named("Key"))),
        )
        .operation(
            Operation::post("/", "Makes a key")
                .about("An owner's key makes keys of its owner, with no other scopes and no longer life than its own.")
                .scope(Admin::NAME)
                .json_body(named("NewKey"), true)
                .answers_json(201, "The key works.", named("MadeKey"))
                .with_header(201, "Location", "The URL of the key.")
                .linked(201, "key_id", "id", ITEM)
                .problem(403, "The caller's key may not make such a key.")
                .problem(409, "The owner has as many keys that work as an owner may have."),
        )
        .operation(
            Operation::get("/{key_id}", "Shows a key")
                .scope(Admin::NAME)
                .answers_json(200, "The key.", named("Key"))
                .problem(404, missing),
        )
        .operation(
            Operation::delete("/{key_id}", "Revokes a key at once")
                .scope(Admin::NAME)
                .answers(204, "The key doesn't work any more.", [])
                .problem(404, missing),
        )
}

fn key() -> Object {
    object()
        .with("id", id(), "")
        .with("owner", or_null(text()), "Null for a key of the operators.")
        .with("scopes", list(text_like("read")), "")
        .with("label", text(), "A note for people.")
        .with("created_at", time(), "")
        .with("expires_at", or_null(time()), "")
        .with("revoked_at", or_null(time()), "")
}

fn new_key() -> Value {
    let scopes = json!({ "anyOf": [list(text_like("read")), text_like("read publish")] });
    object()
        .with("scopes", scopes, "A list of scopes, or a text with spaces between them.")
        .with("owner", optional(or_null(text())), "Whose key it is; an operator's if left out.")
        .with("label", optional(or_null(text())), "A note for people.")
        .with("expires_at", optional(or_null(time())), "")
        .schema()
}
