//! Headers of requests and answers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header::CACHE_CONTROL};

/// Forbids caches to keep an answer that is for one caller only or that holds a secret.
pub(crate) const NO_STORE: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// The value of a header, if the request has it and it is text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
