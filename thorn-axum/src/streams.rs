//! The streams of committed events over HTTP.

mod places;
mod query;
mod control;
mod format;
mod long_poll;
mod connection;
mod state;
mod open;
mod consumers;
mod socket;
#[cfg(feature = "engine")]
mod description;

use std::{fmt, marker::PhantomData, sync::Arc};

use axum::{
    Extension, Router,
    extract::FromRequestParts,
    routing::{get, post},
};
use thorn_core::Thorn;

#[cfg(feature = "engine")]
pub(crate) use self::description::description;
pub use self::socket::end_stalled_connections;
use self::{
    places::Places,
    state::{Recheck, StreamsState},
};
use crate::http::{Caller, resource_routes};

/// Streams of committed events, in an order that never changes.
///
/// The [`Thorn`] must be built with [`event_log`](thorn_core::ThornBuilder::event_log). `C` is your application's
/// extractor that authenticates the [`Caller`]. An owner gets the events that name them as sender, and broadcasts; an
/// operator gets every event.
///
/// | | |
/// |---|---|
/// | `GET /stream?topic=order.**` | a stream that doesn't end: server-sent events for `Accept: text/event-stream`, else lines of JSON; with `Accept: application/json` or `wait=`, a long poll |
/// | `GET /consumers/` | lists the caller's consumers, whose cursors are kept on the server |
/// | `PUT /consumers/{name}/` | creates a consumer at the end of the log, or at the `cursor` of the body: a cursor, `earliest` or `now`. 201, or 200 if it exists |
/// | `GET`, `DELETE /consumers/{name}/` | shows it; deletes it |
/// | `GET /consumers/{name}/events?topic=…` | a long poll from its cursor, which it doesn't move |
/// | `POST /consumers/{name}/ack` | moves the cursor to the `cursor` of the body; a cursor before the present one is 409 without `"seek": true` |
///
/// | parameter | |
/// |---|---|
/// | `topic` | required: a [pattern](thorn_core::subscription::Pattern) of event names; may be repeated, and any of them suffices |
/// | `filter` | a condition on the event's data: a [`Q`](thorn_core::filter::Q) |
/// | `after` | where to begin: a cursor, `now` (default) or `earliest`. The header `Last-Event-ID` wins |
/// | `count` | begins with the latest events instead, so many of the last 10,000 of the log |
/// | `named` | `1` names each server-sent event, so that `addEventListener(name)` gets it and `onmessage` doesn't |
/// | `checkpoint` | `1` shows, instead of a heartbeat, the cursor up to which the stream has looked |
/// | `delimited` | `length` writes a line with the length before each line of JSON |
/// | `wait`, `limit` | for long polls: seconds to wait for the first event, at most 60; events to return, at most 1000 |
///
/// An event is one line of JSON: `cursor`, `id`, `event`, `ref`, `sender`, `time`, `data`, and `extra` for further
/// members of its body. A long poll answers `{"events": […], "cursor": "…", "more": false}`. A cursor whose following
/// events are missing answers 410 with `earliest`; server-sent events begin with `thorn.gap` instead.
///
/// # Examples
///
/// ```
/// use axum::{Router, routing::get};
/// use thorn_axum::Caller;
/// use thorn_core::Thorn;
/// # #[derive(Clone)] struct AppState;
/// # struct User;
/// # impl axum::extract::FromRequestParts<AppState> for User {
/// #     type Rejection = thorn_axum::Unauthenticated;
/// #     async fn from_request_parts(
/// #         _: &mut axum::http::request::Parts,
/// #         _: &AppState,
/// #     ) -> Result<Self, Self::Rejection> { Ok(User) }
/// # }
/// # impl Caller for User {
/// #     fn access(&self) -> thorn_core::subscription::Access<'_> { thorn_core::subscription::Access::Owner("1") }
/// # }
///
/// fn app(thorn: &Thorn, state: AppState) -> Router {
///     Router::new()
///         .route("/", get(|| async { "a blog" }))
///         .merge(thorn_axum::streams::<User>(thorn))
///         .with_state(state)
/// }
/// ```
pub fn streams<C>(thorn: &Thorn) -> Streams<C> {
    Streams { thorn: thorn.clone(), path: String::new(), recheck: None, caller: PhantomData }
}

/// The router of [`streams`].
///
/// Pass it to [`Router::merge`]. To add a prefix, use [`path`](Self::path).
#[must_use = "merge it into the application's router"]
pub struct Streams<C> {
    thorn: Thorn,
    path: String,
    recheck: Option<Recheck<C>>,
    caller: PhantomData<fn() -> C>,
}

impl<C> Streams<C> {
    /// Sets what stands before `/stream` and `/consumers`. Default: nothing.
    pub fn path(mut self, path: &str) -> Self {
        let path = path.trim_matches('/');
        self.path = if path.is_empty() { String::new() } else { format!("/{path}") };
        self
    }

    /// Asks every 15 s, for each open stream, whether its caller may still read, and ends the stream otherwise. Use it if
    /// credentials expire or can be revoked. Default: a stream lasts as long as its connection.
    pub fn recheck<F, R>(mut self, is_allowed: F) -> Self
    where
        F: Fn(&C) -> R + Send + Sync + 'static,
        R: Future<Output = bool> + Send + 'static,
    {
        self.recheck = Some(Arc::new(move |caller| Box::pin(is_allowed(caller))));
        self
    }

    /// Builds the router. Its routes already begin with [`path`](Self::path).
    pub fn into_router<S>(self) -> Router<S>
    where
        C: Caller + FromRequestParts<S> + Send + 'static,
        S: Clone + Send + Sync + 'static,
    {
        let consumer = get(consumers::show::<C>).put(consumers::create::<C>).delete(consumers::delete::<C>);
        let router = resource_routes(
            &self.path,
            [
                ("/stream", get(open::open::<C>)),
                ("/consumers", get(consumers::list::<C>)),
                ("/consumers/{consumer_name}", consumer),
                ("/consumers/{consumer_name}/events", get(consumers::events::<C>)),
                ("/consumers/{consumer_name}/ack", post(consumers::acknowledge::<C>)),
            ],
        );
        let places = Arc::new(Places::new(self.thorn.config()));
        router.layer(Extension(Arc::new(StreamsState { thorn: self.thorn, places, recheck: self.recheck })))
    }
}

impl<C, S> From<Streams<C>> for Router<S>
where
    C: Caller + FromRequestParts<S> + Send + 'static,
    S: Clone + Send + Sync + 'static,
{
    fn from(streams: Streams<C>) -> Self {
        streams.into_router()
    }
}

impl<C> fmt::Debug for Streams<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streams").field("path", &self.path).finish_non_exhaustive()
    }
}
