//! Answers to browsers that ask whether a page of another origin may call the server.

use std::time::Duration;

use axum::http::{
    HeaderName, HeaderValue, Method,
    header::{LINK, LOCATION, RETRY_AFTER},
};
use thorn_core::config::Origin;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// How long a browser may remember the answer.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// Lets pages of these origins, and of no others, call the server. They send an API key, never cookies.
pub(super) fn layer(origins: &[Origin]) -> CorsLayer {
    let origins = origins.iter().filter_map(|origin| HeaderValue::try_from(origin.as_str()).ok());
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers([
            LINK,
            LOCATION,
            RETRY_AFTER,
            HeaderName::from_static("idempotent-replayed"),
            HeaderName::from_static("preference-applied"),
            HeaderName::from_static("thorn-cursor"),
            HeaderName::from_static("thorn-response-status"),
            HeaderName::from_static("thorn-response-to"),
            HeaderName::from_static("thorn-response-truncated"),
        ])
        .max_age(MAX_AGE)
}
