//! `/stream` and `/consumers/`: the streams of the log, if it is on.

use axum::Router;
use thorn_core::{Thorn, timestamp::Timestamp};

use super::{authorized::Authorized, scope::Stream};
use crate::streams::streams;

pub(super) fn routes(thorn: &Thorn) -> Router {
    if thorn.streams().is_err() {
        return Router::new();
    }
    let thorn = thorn.clone();
    let routes = streams::<Authorized<Stream>>(&thorn);
    routes.recheck(move |caller| still_valid(thorn.clone(), caller.key().id)).into_router()
}

/// Whether a key still works. A database that doesn't answer ends no stream.
async fn still_valid(thorn: Thorn, key: thorn_core::ApiKeyId) -> bool {
    thorn.api_keys().is_valid(key, Timestamp::now()).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "can't ask whether an API key still works");
        true
    })
}
