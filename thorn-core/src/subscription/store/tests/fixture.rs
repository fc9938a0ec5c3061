//! The parts that several of these tests use.

use serde_json::Value;

use crate::{
    error::Error,
    headers::ExtraHeaders,
    spec::{Field, FieldErrorKind, InvalidSubscription},
    subscription::{change::NewSubscription, fixture::new},
};

/// A secret that an owner may choose.
pub(super) const LONG_ENOUGH: &str = "a-secret-of-24-bytes-000";

pub(super) const URL: &str = "https://example.com/Hook?a=%20b";

pub(super) fn refusal<T: std::fmt::Debug>(result: Result<T, Error>) -> InvalidSubscription {
    match result {
        Err(Error::Subscription(invalid)) => invalid,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub(super) fn wrong_fields<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<(Field, FieldErrorKind)> {
    refusal(result).errors.into_iter().map(|error| (error.field, error.kind)).collect()
}

pub(super) fn is_missing<T: std::fmt::Debug>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::NotFound { what: "subscription", .. }))
}

pub(super) fn new_with_headers(event: &str, headers: ExtraHeaders) -> NewSubscription {
    let mut new = new("alice", event, URL);
    new.spec.headers = Some(headers);
    new
}

pub(super) fn filtered(event: &str, filter: Value) -> NewSubscription {
    new("alice", event, URL).filter(filter)
}
