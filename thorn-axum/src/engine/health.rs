//! `/healthz` and `/readyz`, for whatever runs the server. They need no key and no particular host.

mod description;

use std::time::Duration;

use axum::{
    Extension, Router,
    http::{HeaderName, HeaderValue, StatusCode, header::RETRY_AFTER},
    routing::get,
};

pub(super) use self::description::description;
use super::state::State;
use crate::http::{NO_STORE, Problem, method_not_allowed};

pub(super) fn routes() -> Router {
    Router::new()
        .route("/healthz", get(healthz).fallback(method_not_allowed))
        .route("/readyz", get(readyz).fallback(method_not_allowed))
}

/// The time that the database has to answer.
const PATIENCE: Duration = Duration::from_secs(3);

type Text = ([(HeaderName, HeaderValue); 1], &'static str);

/// The process runs.
async fn healthz() -> Text {
    ([NO_STORE], "ok\n")
}

/// The database answers, so requests can be served.
async fn readyz(Extension(state): Extension<State>) -> Result<Text, Problem> {
    match tokio::time::timeout(PATIENCE, state.thorn.ping()).await {
        Ok(Ok(())) => Ok(([NO_STORE], "ready\n")),
        failed => {
            tracing::warn!(?failed, "the server isn't ready");
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE)
                .detail("The database doesn't answer.")
                .header(RETRY_AFTER, HeaderValue::from_static("5")))
        }
    }
}
