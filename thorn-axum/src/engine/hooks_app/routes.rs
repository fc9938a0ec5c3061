//! Routes whose paths end with a slash, as those of the Hooks app do.

use axum::{
    Extension, Router,
    extract::OriginalUri,
    http::{HeaderValue, StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
    routing::{MethodRouter, get},
};

use crate::{
    engine::state::State,
    http::{Problem, method_not_allowed},
};

/// Adds a route to `path` with a slash at its end. Without the slash, a GET is led there, and any other request is 404:
/// a client that followed a redirect would send a GET instead.
pub(super) fn slashed(router: Router, path: &str, methods: MethodRouter) -> Router {
    router
        .route(&format!("{path}/"), methods.fallback(method_not_allowed))
        .route(path, get(with_slash).fallback(not_found))
}

async fn with_slash(Extension(state): Extension<State>, OriginalUri(uri): OriginalUri) -> Result<Response, Problem> {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let location = format!("{}{}/{query}", state.base_url, uri.path());
    let location = HeaderValue::try_from(location).map_err(Problem::internal)?;
    Ok((StatusCode::MOVED_PERMANENTLY, [(LOCATION, location)]).into_response())
}

async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND).detail("The path ends with a slash.")
}
