//! `/stream` and `/consumers/`: the streams of the log, if it is on.

mod session;
mod reader;

use axum::{Router, routing::post};
use thorn_core::{ApiKeyId, Thorn, timestamp::Timestamp};

use self::reader::StreamReader;
use super::scope::{Required as _, Stream};
use crate::{
    http::{
        description::{Operation, Resource},
        resource_routes,
    },
    streams::{description as described, streams},
};

pub(super) fn routes(thorn: &Thorn) -> Router {
    if thorn.streams().is_err() {
        return Router::new();
    }
    let thorn = thorn.clone();
    let routes = streams::<StreamReader>(&thorn);
    let routes = routes.recheck(move |reader| still_valid(thorn.clone(), reader.key.id, reader.until)).into_router();
    resource_routes("/stream/session", [("", post(session::open))]).merge(routes)
}

/// The description of these routes, if they are there.
pub(super) fn description(thorn: &Thorn) -> Option<Resource> {
    let session = Operation::post("/stream/session", "Gives a browser a cookie that reads streams")
        .scope(Stream::NAME)
        .answers(204, "The cookie works for an hour at most.", [])
        .with_header(204, "Set-Cookie", "Goes to `/stream` of this server only.");
    thorn.streams().is_ok().then(|| described("", Stream::NAME).operation(session))
}

/// Whether a key, and a session with this end, still works. A database that doesn't answer ends no stream.
async fn still_valid(thorn: Thorn, key: ApiKeyId, until: Option<Timestamp>) -> bool {
    let now = Timestamp::now();
    if until.is_some_and(|until| until <= now) {
        return false;
    }
    thorn.api_keys().is_valid(key, now).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "can't ask whether an API key still works");
        true
    })
}
