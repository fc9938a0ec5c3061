//! The stand-alone server: the HTTP interface of thorn for programs without Rust.

mod under_way;
mod first_attempts;
mod state;
mod scope;
mod authorized;
mod allowed_hosts;
mod own_origin;
mod per_source;
mod cors;
mod health;
mod once;
mod events;
mod dispatch;
mod verify;
mod hub;
mod topics;
mod keys;
mod streams;
mod hooks_app;
mod openapi;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    http::StatusCode,
    middleware::{from_fn, from_fn_with_state},
};
use thorn_core::{Thorn, config::HubMode};

use self::{
    allowed_hosts::AllowedHosts, authorized::Authorized, own_origin::TrustedOrigins, scope::Required as _,
    state::EngineState,
};
use crate::{
    hooks::{description as hooks_description, hooks},
    http::{BodyTime, Problem},
};

/// The time that a request's body may take.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The router of the stand-alone server, `thorn server`.
///
/// Callers send an API key ([`Thorn::api_keys`]) as `Authorization: Bearer thk_…`. The key's owner decides what they
/// see, and its scopes which resources they may use.
///
/// | | scope | |
/// |---|---|---|
/// | `POST /dispatch` | `dispatch` | sends the body to the URLs of `_url`, or as the event `_topic`: 202. With `dispatch.response` as well, `_callback` and `Prefer: wait` get what a target answers |
/// | `POST /events/` | `publish` | publishes an event, JSON `{event, data, ref?, sender?, broadcast?}`: 201 `{id}`; or [CloudEvents](https://cloudevents.io) |
/// | `GET /events/` | `read` | lists events, the newest first; `?name=`, `?limit=`; `Link: <…>; rel="next"` if there may be more |
/// | `GET /events/{id}`, `…/body`, `…/deliveries` | `read` | shows an event, its exact bytes, its deliveries |
/// | `POST /events/{id}/resend` | `resend` | sends all deliveries of the event again, or `{delivery}`: 202 |
/// | `/hooks/…` | `hooks` | the API of [`hooks`] |
/// | `POST /hooks/verify/` | | with the body and the headers of a delivery: `VERIFIED` if thorn has sent exactly that, else `INVALID` |
/// | `POST /stream/session` | `stream`, `stream:PATTERN` | a cookie with which a browser's `EventSource` reads `/stream`, for an hour: 204 |
/// | `GET /stream`, `/consumers/…` | `stream`, `stream:PATTERN` | the API of [`streams`](crate::streams()), if the [log](thorn_core::ThornBuilder::event_log) is on |
/// | `POST /hub`, `/subscribe`, `/publish` | | with `hub.mode=subscribe` or `unsubscribe`: 202, and the callback is asked |
/// | | `hub.publish` | with `hub.mode=publish`: topics have changed: 204 |
/// | `/topics/…` | `hub.publish` | registers, lists, shows and deletes topics of the hub |
/// | `/api/events/`, `/api/webhooks/` | `hooks` | the API of the Hooks app: event names, and [webhooks](thorn_core::webhook) that are linked with them |
/// | `POST /trigger/{name}` | `publish` | sends a declared event, JSON `{event, time}` with the members of the body: 202 `{id}` |
/// | `GET`, `POST /keys/`, `GET`, `DELETE /keys/{id}` | `admin` | manages API keys: an operator's all, an owner's their own |
/// | `GET /openapi.json`, `/api-help/` | | describes all of this, as an OpenAPI document and as a page |
/// | `GET /healthz` | | 200 while the process runs |
/// | `GET /readyz` | | 200 if the database answers, else 503 |
///
/// A POST to `/dispatch`, `/events/…` or `/trigger/…` with an `Idempotency-Key` is done once in 24 hours. The same request gets the same answer again,
/// with `Idempotent-Replayed: true`.
///
/// `listen` is the address at which the server is reached, for its own URLs if
/// [`base_url`](thorn_core::Config::base_url) isn't set. The router takes everything else from
/// [`Thorn::config`].
///
/// Requests for a host that isn't allowed get 421. Other requests than GET from pages of an origin that isn't listed
/// get 403. So no page can use a server on its visitor's machine.
///
/// `axum::serve` waits without limit for the head of a request, so put a proxy with time-outs in front of it, as
/// [Getting started](https://github.com/thorn-rs/thorn/blob/main/docs/guide/getting_started.md) says.
///
/// # Examples
///
/// ```no_run
/// # async fn example(thorn: thorn_core::Thorn) -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// let router = thorn_axum::engine(&thorn, listener.local_addr()?);
/// axum::serve(listener, router).await
/// # }
/// ```
pub fn engine(thorn: &Thorn, listen: SocketAddr) -> Router {
    let state = Arc::new(EngineState::new(thorn, listen));
    let hosts = AllowedHosts::new(thorn.config());
    let origins = TrustedOrigins::new(&state.base_url, thorn.config());

    // Each resource describes itself with one line. A test compares the descriptions with the routes.
    let descriptions = [
        health::description(),
        events::description(),
        dispatch::description(),
        verify::description(),
        keys::description(),
        hooks_description("/hooks", scope::Hooks::NAME),
    ];
    let hub = (thorn.config().server.hub != HubMode::Off).then(|| [hub::description(), topics::description()]);
    let descriptions = descriptions.into_iter().chain(hub.into_iter().flatten());
    let descriptions = descriptions.chain(streams::description(thorn)).chain(hooks_app::descriptions(thorn));

    // Each resource adds its routes with one line.
    let resources = Router::new()
        .merge(events::routes())
        .merge(dispatch::routes())
        .merge(verify::routes())
        .merge(hub::routes(thorn))
        .merge(topics::routes(thorn))
        .merge(keys::routes())
        .merge(hooks::<Authorized<scope::Hooks>>(thorn).base_url(&*state.base_url))
        .merge(streams::routes(thorn))
        .merge(hooks_app::routes(thorn))
        .merge(openapi::routes(descriptions, &state.base_url))
        .fallback(not_found)
        .layer(Extension(BodyTime(BODY_TIME)))
        .layer(Extension(state.clone()))
        .layer(from_fn_with_state(Arc::new(origins), own_origin::check))
        .layer(cors::layer(&thorn.config().server.cors_origins))
        .layer(from_fn(events::bypass_cors))
        .layer(from_fn_with_state(Arc::new(hosts), allowed_hosts::check));
    health::routes().layer(Extension(state)).merge(resources)
}

async fn not_found() -> Problem {
    Problem::new(StatusCode::NOT_FOUND)
}
