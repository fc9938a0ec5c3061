//! Reads the writable fields of a body.

use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};
use thorn_core::{
    event::ExtraHeaders,
    signing::Digest,
    subscription::{ContentType, NewSubscription, SubscriptionChange},
};

use super::field_errors::FieldErrors;
use crate::http::{JsonObject, Problem};

/// The fields of a body.
///
/// Read-only fields (`id`, `user`, times, `subscription`, …) are ignored, so that callers can send back
/// what the API has shown them. Each method reads the fields and returns the errors in their types. A text
/// or header field with such an error is passed on empty, so that it doesn't look left out.
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
        let new = NewSubscription {
            owner,
            pattern: self.required("event"),
            filter: self.given.remove("filter"),
            url: self.required("url"),
            secret: self.text("hmac_secret"),
            digest: self.text("hmac_digest"),
            signer: self.text("hmac_signer"),
            content_type: self.text("content_type"),
            headers: self.headers().unwrap_or_default(),
            ..NewSubscription::default()
        };
        if self.flag("enabled") == Some(false) {
            self.errors.add("enabled", "A new subscription is enabled. Disable it once it exists.");
        }
        (new, self.errors)
    }

    /// For PUT: a new value for every field.
    ///
    /// Secret and headers stay if they are left out, because callers that send back what they have read
    /// don't have them. `enabled`, `filter` and `hmac_signer` stay too, because clients of Python's
    /// Thorn don't know them.
    pub(super) fn replacement(mut self) -> (SubscriptionChange, FieldErrors) {
        let change = SubscriptionChange {
            pattern: Some(self.required("event")),
            filter: self.given.remove("filter"),
            url: Some(self.required("url")),
            secret: self.text("hmac_secret"),
            digest: self.text("hmac_digest").or_else(|| Some(Digest::default().to_string())),
            signer: self.text("hmac_signer"),
            content_type: self.text("content_type").or_else(|| Some(ContentType::default().to_string())),
            headers: self.headers(),
            enabled: self.flag("enabled"),
            ..SubscriptionChange::default()
        };
        (change, self.errors)
    }

    /// For PATCH: a new value for each field in the body.
    pub(super) fn change(mut self) -> (SubscriptionChange, FieldErrors) {
        let change = SubscriptionChange {
            pattern: self.text("event"),
            filter: self.given.remove("filter"),
            url: self.text("url"),
            secret: self.text("hmac_secret"),
            digest: self.text("hmac_digest"),
            signer: self.text("hmac_signer"),
            content_type: self.text("content_type"),
            headers: self.headers(),
            enabled: self.flag("enabled"),
            ..SubscriptionChange::default()
        };
        (change, self.errors)
    }

    fn required(&mut self, field: &'static str) -> String {
        if !self.given.contains_key(field) {
            self.errors.add(field, "This field is required.");
        }
        self.text(field).unwrap_or_default()
    }

    fn text(&mut self, field: &'static str) -> Option<String> {
        let message = match self.given.remove(field)? {
            Value::String(text) => return Some(text),
            Value::Null => "This field may not be null.",
            _ => "Must be a string.",
        };
        self.errors.add(field, message);
        Some(String::new())
    }

    /// Headers are an object of names and values. It replaces all earlier headers.
    fn headers(&mut self) -> Option<ExtraHeaders> {
        const FIELD: &str = "headers";
        let given = match self.given.remove(FIELD)? {
            Value::Object(given) => given,
            Value::Null => {
                self.errors.add(FIELD, "This field may not be null; send {} to remove all headers.");
                return Some(ExtraHeaders::default());
            }
            _ => {
                self.errors.add(FIELD, "Must be an object of names and values.");
                return Some(ExtraHeaders::default());
            }
        };
        let text = |(name, value)| match value {
            Value::String(value) => Some((name, value)),
            _ => None,
        };
        let headers: Option<Vec<_>> = given.into_iter().map(text).collect();
        if headers.is_none() {
            self.errors
                .add(FIELD, "Every value must be a string; send all headers, because they replace the earlier ones.");
        }
        Some(headers.map(ExtraHeaders::from_iter).unwrap_or_default())
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
