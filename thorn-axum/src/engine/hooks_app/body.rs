//! Reads the fields of a body.

use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};

use crate::http::{JsonObject, Problem};

/// The fields of a body, and errors in their types.
///
/// Fields that aren't asked for, such as `id`, are ignored, so that callers can send back what they were shown.
pub(super) struct Body {
    given: Map<String, Value>,
    errors: Vec<(&'static str, &'static str)>,
}

/// Whether a body must have a field.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Presence {
    Required,
    Optional,
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let JsonObject(given) = JsonObject::from_request(request, state).await?;
        Ok(Self { given, errors: Vec::new() })
    }
}

impl Body {
    /// A text.
    pub(super) fn text(&mut self, field: &'static str, presence: Presence) -> Option<String> {
        let message = match self.given.remove(field) {
            Some(Value::String(text)) => return Some(text),
            Some(Value::Null) => "This field may not be null.",
            Some(_) => "Must be a string.",
            None if presence == Presence::Required => "This field is required.",
            None => return None,
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
