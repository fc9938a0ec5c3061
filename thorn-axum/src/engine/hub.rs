//! `/hub`, `/subscribe` and `/publish`: the hub, a WebSub hub and a PubSubHubbub hub on the same URLs.
//!
//! Errors are one line of text that names the parameter.

mod form;
mod publish;

use axum::{
    Extension, Router,
    extract::Request,
    http::{HeaderValue, StatusCode, header::ALLOW},
    response::{IntoResponse, Response},
    routing::{MethodRouter, post},
};
use thorn_core::{Thorn, config::HubMode};

use self::form::HubForm;
use super::state::State;
use crate::http::Problem;

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

async fn only_post() -> Response {
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED).detail("the hub takes POST only");
    problem.header(ALLOW, HeaderValue::from_static("POST")).into_text()
}

/// Does what `hub.mode` says.
async fn hub(Extension(state): Extension<State>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let done = async {
        let form = HubForm::read(Request::from_parts(parts.clone(), body)).await?;
        match form.one("hub.mode")? {
            "publish" => publish::publish(&state, &mut parts, &form).await,
            _ => Err(Problem::new(StatusCode::BAD_REQUEST).detail("`hub.mode` must be publish")),
        }
    };
    match done.await {
        Ok(status) => status.into_response(),
        Err(problem) => problem.into_text(),
    }
}
