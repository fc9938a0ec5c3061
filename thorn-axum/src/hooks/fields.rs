//! The fields that a request wants to set, with everything that is wrong about them.

use std::borrow::Cow;

use axum::extract::{FromRequest, Request};
use serde_json::{Map, Value};
use thorn_core::{
    Error,
    event::ExtraHeaders,
    signing::Digest,
    subscription::{ContentType, NewSubscription, SubscriptionChange},
};

use crate::http::{JsonObject, Problem};

/// The fields of a body. What isn't writable (`id`, `user`, times, `subscription`, …) is ignored, so
/// that whatever the API shows may be sent back to it.
pub(super) struct Fields {
    given: Map<String, Value>,
    errors: Vec<(&'static str, &'static str)>,
    /// Whether the digest was replaced to have the whole refused, though it was right itself.
    spoilt: bool,
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let JsonObject(given) = JsonObject::from_request(request, state).await?;
        Ok(Self { given, errors: Vec::new(), spoilt: false })
    }
}

impl Fields {
    /// POST: a new subscription.
    pub(super) fn creation(&mut self, owner: Option<String>) -> NewSubscription {
        let mut new = NewSubscription {
            owner,
            event: self.required("event"),
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
            self.errors.push(("enabled", "A new subscription is enabled. Disable it once it exists."));
        }
        self.spoil(&mut new.digest);
        new
    }

    /// PUT: every field anew. Secret and headers aren't shown, so who sends back what they have read
    /// can't have them, and they stay; so does what clients of Python's Thorn don't know: `enabled`,
    /// `filter` and `hmac_signer`.
    pub(super) fn replacement(&mut self) -> SubscriptionChange {
        let mut change = SubscriptionChange {
            event: Some(self.required("event")),
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
        self.spoil(&mut change.digest);
        change
    }

    /// PATCH: only what is given.
    pub(super) fn change(&mut self) -> SubscriptionChange {
        let mut change = SubscriptionChange {
            event: self.text("event"),
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
        self.spoil(&mut change.digest);
        change
    }

    /// What came of the request, with the errors of both: ours about types, the core's about values.
    pub(super) fn outcome<T>(self, result: Result<T, Error>) -> Result<T, Problem> {
        if self.errors.is_empty() {
            return result.map_err(Problem::from);
        }
        let found = match result {
            Err(Error::Subscription(invalid)) => invalid.errors,
            Err(other) => return Err(other.into()),
            Ok(_) => Vec::new(),
        };
        let ours = |field| self.errors.iter().any(|(name, _)| *name == field) || self.spoilt && field == "hmac_digest";
        let theirs =
            found.into_iter().filter(|error| !ours(error.field)).map(|error| (error.field, error.message.into()));
        let all = self.errors.iter().map(|(field, message)| (*field, Cow::Borrowed(*message))).chain(theirs);
        Err(all.fold(Problem::invalid_fields(), |problem, (field, message)| problem.field(field, message)))
    }

    fn required(&mut self, field: &'static str) -> String {
        if !self.given.contains_key(field) {
            self.errors.push((field, "This field is required."));
        }
        self.text(field).unwrap_or_default()
    }

    /// A value of another type is handed on as an empty text, and its error is ours.
    fn text(&mut self, field: &'static str) -> Option<String> {
        let wrong = match self.given.remove(field)? {
            Value::String(text) => return Some(text),
            Value::Null => "This field may not be null.",
            _ => "Not a string.",
        };
        self.errors.push((field, wrong));
        Some(String::new())
    }

    /// An object of names and values, in place of all there were.
    fn headers(&mut self) -> Option<ExtraHeaders> {
        const FIELD: &str = "headers";
        let given = match self.given.remove(FIELD)? {
            Value::Object(given) => given,
            Value::Null => {
                self.errors.push((FIELD, "This field may not be null; send {} to have none."));
                return None;
            }
            _ => {
                self.errors.push((FIELD, "Not an object of names and values."));
                return None;
            }
        };
        let text = |(name, value)| match value {
            Value::String(value) => Some((name, value)),
            _ => None,
        };
        let headers: Option<Vec<_>> = given.into_iter().map(text).collect();
        if headers.is_none() {
            self.errors.push((FIELD, "A value is not a string; what is sent replaces all headers there were."));
        }
        headers.map(ExtraHeaders::from_iter)
    }

    fn flag(&mut self, field: &'static str) -> Option<bool> {
        let wrong = match self.given.remove(field)? {
            Value::Bool(flag) => return Some(flag),
            Value::Null => "This field may not be null.",
            _ => "Not true or false.",
        };
        self.errors.push((field, wrong));
        None
    }

    /// Makes sure that the core refuses what has an error of ours, so that it lists all other errors
    /// and writes nothing: with a digest that is none, unless it has been given such a one anyway.
    fn spoil(&mut self, digest: &mut Option<String>) {
        if !self.errors.is_empty() && digest.as_ref().is_none_or(|name| name.parse::<Digest>().is_ok()) {
            *digest = Some(String::new());
            self.spoilt = true;
        }
    }
}
