//! Reads the writable fields of a body.

use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};
use thorn_core::{
    signing::Digest,
    subscription::{ContentType, Field, Kept, NewSubscription, SpecDraft, SubscriptionChange, WrongType},
};

use super::field_errors::FieldErrors;
use crate::http::{JsonObject, Problem, field_name};

/// The fields of a body.
///
/// Read-only fields (`id`, `user`, times, `subscription`, …) are ignored, so that callers can send back
/// what the API has shown them. Each method reads the fields and returns the errors in their types.
pub(super) struct Fields {
    given: Map<String, Value>,
    errors: FieldErrors,
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let JsonObject(given) = JsonObject::from_request(request, state).await?;
        Ok(Self { given, errors: FieldErrors::default() })
    }
}

impl Fields {
    /// For POST: a new subscription.
    pub(super) fn creation(mut self, owner: Option<String>) -> (NewSubscription, FieldErrors) {
        self.require([Field::Pattern, Field::Url]);
        let new = NewSubscription { owner, spec: self.spec(), source: None };
        if self.flag("enabled") == Some(false) {
            self.errors.add("enabled", "A new subscription is enabled. Disable it once it exists.");
        }
        if self.flag("paused") == Some(true) {
            self.errors.add("paused", "A new subscription isn't paused. Pause it once it exists.");
        }
        (new, self.errors)
    }

    /// For PUT: a new value for every field.
    ///
    /// Secret and headers stay if they are left out, because callers that send back what they have read
    /// don't have them. `enabled`, `filter` and `hmac_signer` stay too, because clients of Python's
    /// Thorn don't know them.
    pub(super) fn replacement(mut self) -> (SubscriptionChange, FieldErrors) {
        self.require([Field::Pattern, Field::Url]);
        let mut spec = self.spec();
        spec.digest.get_or_insert_with(|| Digest::default().to_string());
        spec.content_type.get_or_insert_with(|| ContentType::default().to_string());
        self.change_to(spec)
    }

    /// For PATCH: a new value for each field in the body.
    pub(super) fn change(mut self) -> (SubscriptionChange, FieldErrors) {
        let spec = self.spec();
        self.change_to(spec)
    }

    fn change_to(mut self, spec: SpecDraft) -> (SubscriptionChange, FieldErrors) {
        let (enabled, paused, kept) = (self.flag("enabled"), self.flag("paused"), self.kept());
        (SubscriptionChange { spec, enabled, paused, kept }, self.errors)
    }

    fn kept(&mut self) -> Kept {
        match self.given.remove("kept").as_ref().map(Value::as_str) {
            None | Some(Some("deliver")) => return Kept::Deliver,
            Some(Some("discard")) => return Kept::Discard,
            Some(_) => self.errors.add("kept", "Must be \"deliver\" or \"discard\"."),
        }
        Kept::default()
    }

    fn require(&mut self, fields: [Field; 2]) {
        for name in fields.map(field_name) {
            if !self.given.contains_key(name) {
                self.errors.add(name, "This field is required.");
            }
        }
    }

    fn spec(&mut self) -> SpecDraft {
        let (spec, wrong) = SpecDraft::take(&mut self.given, field_name);
        for (field, wrong) in wrong {
            self.errors.add(field_name(field), message(field, &wrong));
        }
        spec
    }

    fn flag(&mut self, field: &'static str) -> Option<bool> {
        let message = match self.given.remove(field)? {
            Value::Bool(flag) => return Some(flag),
            Value::Null => "This field may not be null.",
            _ => "Must be true or false.",
        };
        self.errors.add(field, message);
        None
    }
}

const fn message(field: Field, wrong: &WrongType) -> &'static str {
    match (wrong, field) {
        (WrongType::Null, Field::Headers) => "This field may not be null; send {} to remove all headers.",
        (WrongType::Null, _) => "This field may not be null.",
        (WrongType::NotHeaders, _) => "Must be an object of names and values.",
        (WrongType::HeadersNotText { .. }, _) => {
            "Every value must be a string; send all headers, because they replace the earlier ones."
        }
        (WrongType::NotNumber, _) => "Must be a whole number.",
        (WrongType::NotText | _, _) => "Must be a string.",
    }
}
