//! `POST /hooks/verify/`: tells a receiver whether thorn has sent what it received.

mod source_rates;
mod description;

use std::time::Instant;

use axum::{
    Extension, Router,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, header::RETRY_AFTER},
    routing::post,
};
use thorn_core::verification::ReceivedDelivery;

pub(super) use self::description::description;
pub(super) use self::source_rates::SourceRates;
use super::state::State;
use crate::http::{NO_STORE, Problem, Source, bytes_up_to, resource_routes, text};

pub(super) fn routes() -> Router {
    resource_routes("/hooks/verify", [("", post(verify))])
}

/// Answers `VERIFIED` or `INVALID`, and nothing else. It needs no key, so each source may ask only so often.
async fn verify(
    Extension(state): Extension<State>,
    Source(source): Source,
    request: Request,
) -> Result<([(HeaderName, HeaderValue); 1], &'static str), Problem> {
    // Without an address, all callers share one rate.
    if let Err(wait) = state.verify_rates.take(source, Instant::now()) {
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS)
            .detail("Too many requests from this address.")
            .header(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1)));
    }
    let headers = request.headers().clone();
    let body = bytes_up_to(state.thorn.config().largest_body(), request, &()).await?;
    let of = |name| text(&headers, name).unwrap_or_default();
    let received = ReceivedDelivery {
        delivery: text(&headers, "webhook-id").unwrap_or_else(|| of("hook-delivery")),
        event: of("hook-event-id"),
        subscription: of("hook-subscription"),
        timestamp: of("webhook-timestamp"),
        signatures: of("webhook-signature"),
        body: &body,
    };
    let is_genuine = state.thorn.has_sent(&received).await?;
    Ok(([NO_STORE], if is_genuine { "VERIFIED" } else { "INVALID" }))
}
