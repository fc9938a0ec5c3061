//! JSON schemas, in a few words.

use serde_json::{Map, Value, json};

/// A string.
pub(crate) fn text() -> Value {
    json!({ "type": "string" })
}

/// A string such as this one.
pub(crate) fn text_like(example: &str) -> Value {
    json!({ "type": "string", "examples": [example] })
}

/// The URL of a receiver.
pub(crate) fn url() -> Value {
    json!({ "type": "string", "format": "uri", "examples": ["https://receiver.example/"] })
}

/// A string that is one of these.
pub(crate) fn one_of<'a>(values: impl IntoIterator<Item = &'a str>) -> Value {
    json!({ "type": "string", "enum": values.into_iter().collect::<Vec<_>>() })
}

/// A UUID.
pub(crate) fn id() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

/// A time of RFC 3339.
pub(crate) fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

/// A whole number in this range.
pub(crate) fn whole_number(least: u64, most: Option<u64>) -> Value {
    match most {
        Some(most) => json!({ "type": "integer", "minimum": least, "maximum": most }),
        None => json!({ "type": "integer", "minimum": least }),
    }
}

/// The schema, or null.
pub(crate) fn or_null(mut schema: Value) -> Value {
    match schema.get("type").cloned() {
        Some(Value::String(one)) => {
            schema["type"] = json!([one, "null"]);
            schema
        }
        _ => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

/// A list of such items.
#[expect(clippy::needless_pass_by_value, reason = "a schema is made for one place")]
pub(crate) fn list(items: Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// A schema of the document, by its name.
pub(crate) fn named(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// A member that may be missing.
pub(crate) struct Optional(Value);

/// A member that may be missing.
pub(crate) fn optional(schema: Value) -> Optional {
    Optional(schema)
}

/// A member of an object: its schema, and whether it is always there.
pub(crate) trait Member {
    fn into_parts(self) -> (Value, bool);
}

impl Member for Value {
    fn into_parts(self) -> (Value, bool) {
        (self, true)
    }
}

impl Member for Optional {
    fn into_parts(self) -> (Value, bool) {
        (self.0, false)
    }
}

/// An object that has these members and no others.
pub(crate) struct Object {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
}

/// An object that has these members and no others. End with [`Object::schema`].
pub(crate) fn object() -> Object {
    Object { properties: Map::new(), required: Vec::new() }
}

impl Object {
    /// Adds a member. An empty text says nothing about it.
    pub(crate) fn with(mut self, name: &'static str, member: impl Member, about: &'static str) -> Self {
        let (mut schema, is_required) = member.into_parts();
        if !about.is_empty() {
            schema["description"] = about.into();
        }
        self.properties.insert(name.to_owned(), schema);
        if is_required {
            self.required.push(name);
        }
        self
    }

    pub(crate) fn schema(self) -> Value {
        let Self { properties, required } = self;
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    /// The schema of an object that may have other members as well.
    pub(crate) fn schema_with_others(self) -> Value {
        let mut schema = self.schema();
        schema["additionalProperties"] = true.into();
        schema
    }
}
