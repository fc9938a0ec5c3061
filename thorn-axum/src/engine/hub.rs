//! `/hub`, `/subscribe` and `/publish`: the hub, a WebSub hub and a PubSubHubbub hub on the same URLs.
//!
//! Subscribers need no key, because their callbacks confirm. Errors are one line of text that names the parameter.

mod description;
mod parameters;
mod publish;
mod refused;
mod source_rates;
mod subscribe;

use std::time::Instant;

use axum::{
    Extension, Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    response::{IntoResponse, Response},
    routing::{MethodRouter, post},
};
use thorn_core::{Thorn, config::HubMode};

pub(super) use self::{description::description, source_rates::RecentRequests};
use self::{parameters::Parameters, refused::Refused};
use super::state::{EngineState, State};
use crate::http::{Problem, Source, bytes_up_to};

/// Bytes that the body of a request to the hub may have.
const MAX_BODY_BYTES: usize = 256 * 1024;

/// The hub's paths, each with and without the slash at its end. There are none where the hub is off.
pub(super) fn routes(thorn: &Thorn) -> Router {
    if thorn.config().server.hub == HubMode::Off {
        return Router::new();
    }
    let methods: MethodRouter = post(hub).fallback(only_post);
    ["/hub", "/hub/", "/subscribe", "/subscribe/", "/publish", "/publish/"]
        .into_iter()
        .fold(Router::new(), |router, path| router.route(path, methods.clone()))
}

/// The URL of the hub on this server.
pub(super) fn hub_url(base_url: &str) -> String {
    format!("{base_url}/hub")
}

/// Answers 405. The route adds the `Allow` header.
async fn only_post() -> Response {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED).detail("the hub takes POST only").into_text()
}

/// Counts a request that needs no key. Refuses it if its source has sent too many. Without an address, all callers share
/// one rate.
fn count(state: &EngineState, Source(source): Source) -> Result<(), Problem> {
    let Some(most) = state.thorn.config().server.hub_rates.source else { return Ok(()) };
    state.hub_requests.count(source, most, Instant::now()).map_err(|wait| {
        Problem::new(StatusCode::TOO_MANY_REQUESTS)
            .detail("Too many requests from this address")
            .header(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1))
    })
}

async fn hub(Extension(state): Extension<State>, source: Source, request: Request) -> Response {
    match answer(&state, source, request).await {
        Ok(status) => status.into_response(),
        Err(problem) => problem.into_text(),
    }
}

/// Does what `hub.mode` says.
async fn answer(state: &EngineState, source: Source, request: Request) -> Result<StatusCode, Problem> {
    let (mut parts, body) = request.into_parts();
    if !parameters::is_form(&parts.headers) {
        return Err(Refused::NotAForm.into());
    }
    let body = bytes_up_to(MAX_BODY_BYTES, Request::from_parts(parts.clone(), body), &()).await?;
    let parameters = Parameters::read(&body);
    match parameters.required("hub.mode")? {
        "subscribe" | "unsubscribe" => subscribe::answer(state, source, &parameters).await,
        "publish" => publish::publish(state, source, &mut parts, &parameters).await,
        mode => Err(Refused::UnknownMode(mode.to_owned()).into()),
    }
}
