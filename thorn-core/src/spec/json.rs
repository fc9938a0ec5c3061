//! Reads the parts of a subscription from a JSON object.

use serde_json::{Map, Value};

use super::field::Field;
use crate::headers::ExtraHeaders;

/// The JSON of a part has the wrong type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WrongType {
    /// The part is null.
    Null,
    /// The part must be a text.
    NotText,
    /// The part must be a whole number.
    NotNumber,
    /// The headers must be an object of names and values.
    NotHeaders,
    /// The values of these headers must be texts.
    HeadersNotText {
        /// The headers' names.
        names: Vec<String>,
    },
}

/// Takes parts out of a JSON object and collects those of the wrong type. A text or headers of the wrong type come out
/// empty.
pub(super) struct JsonParts<'a> {
    members: &'a mut Map<String, Value>,
    name: fn(Field) -> &'static str,
    wrong: Vec<(Field, WrongType)>,
}

impl<'a> JsonParts<'a> {
    pub(super) const fn new(members: &'a mut Map<String, Value>, name: fn(Field) -> &'static str) -> Self {
        Self { members, name, wrong: Vec::new() }
    }

    pub(super) fn into_wrong(self) -> Vec<(Field, WrongType)> {
        self.wrong
    }

    /// The part as it is, which may be null.
    pub(super) fn json(&mut self, field: Field) -> Option<Value> {
        self.members.remove((self.name)(field))
    }

    pub(super) fn text(&mut self, field: Field) -> Option<String> {
        Some(match self.json(field)? {
            Value::String(text) => text,
            Value::Null => self.wrong(field, WrongType::Null),
            _ => self.wrong(field, WrongType::NotText),
        })
    }

    /// A text, or null as `Some(None)`.
    pub(super) fn text_or_null(&mut self, field: Field) -> Option<Option<String>> {
        Some(match self.json(field)? {
            Value::String(text) => Some(text),
            Value::Null => None,
            _ => self.wrong(field, WrongType::NotText),
        })
    }

    /// A whole number, or null as `Some(None)`.
    pub(super) fn number_or_null(&mut self, field: Field) -> Option<Option<i64>> {
        Some(match self.json(field)? {
            Value::Null => None,
            Value::Number(number) if number.is_i64() => number.as_i64(),
            _ => self.wrong(field, WrongType::NotNumber),
        })
    }

    pub(super) fn headers(&mut self, field: Field) -> Option<ExtraHeaders> {
        let given = match self.json(field)? {
            Value::Object(given) => given,
            Value::Null => return Some(self.wrong(field, WrongType::Null)),
            _ => return Some(self.wrong(field, WrongType::NotHeaders)),
        };
        let mut names = Vec::new();
        let mut headers = ExtraHeaders::default();
        for (name, value) in given {
            match value {
                Value::String(value) => headers.push(name, value),
                _ => names.push(name),
            }
        }
        Some(if names.is_empty() { headers } else { self.wrong(field, WrongType::HeadersNotText { names }) })
    }

    fn wrong<T: Default>(&mut self, field: Field, wrong: WrongType) -> T {
        self.wrong.push((field, wrong));
        T::default()
    }
}
