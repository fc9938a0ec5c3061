//! Reads the fields of a body.

use axum::{
    extract::{FromRequest, Request},
    http::Method,
};
use serde_json::{Map, Value};

use crate::http::{JsonObject, Problem};

/// The fields of a body, and errors in their types.
///
/// Fields that aren't asked for, such as `id`, are ignored, so that callers can send back what they were shown.
pub(super) struct Body {
    given: Map<String, Value>,
    /// Whether fields may be left out, which they may in a PATCH.
    is_patch: bool,
    errors: Vec<(&'static str, &'static str)>,
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_patch = request.method() == Method::PATCH;
        let JsonObject(given) = JsonObject::from_request(request, state).await?;
        Ok(Self { given, is_patch, errors: Vec::new() })
    }
}

impl Body {
    /// A text, which only a PATCH may leave out.
    pub(super) fn text(&mut self, field: &'static str) -> Option<String> {
        if !self.is_patch && !self.given.contains_key(field) {
            self.errors.push((field, "This field is required."));
        }
        self.optional_text(field)
    }

    /// A text that may be left out.
    pub(super) fn optional_text(&mut self, field: &'static str) -> Option<String> {
        let message = match self.given.remove(field)? {
            Value::String(text) => return Some(text),
            Value::Null => "This field may not be null.",
            _ => "Must be a string.",
        };
        self.errors.push((field, message));
        None
    }

    /// A list of ids.
    pub(super) fn ids(&mut self, field: &'static str) -> Option<Vec<i64>> {
        let message = match self.given.remove(field)? {
            Value::Array(items) => match items.iter().map(Value::as_i64).collect() {
                Some(ids) => return Some(ids),
                None => "Each item must be an id, which is a whole number.",
            },
            Value::Null => "This field may not be null.",
            _ => "Must be a list of ids.",
        };
        self.errors.push((field, message));
        None
    }

    /// Refuses the body if a field has the wrong type or is missing.
    pub(super) fn check(self) -> Result<(), Problem> {
        if self.errors.is_empty() {
            return Ok(());
        }
        let fields = self.errors.into_iter();
        Err(fields.fold(Problem::invalid_fields(), |problem, (field, message)| problem.field(field, message)))
    }
}
