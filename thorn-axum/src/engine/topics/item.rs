//! `/topics/{id}`: one topic.

use axum::{
    Extension, Json,
    http::{HeaderValue, StatusCode, header::LINK},
    response::{AppendHeaders, IntoResponse},
};
use thorn_core::TopicId;

use super::representation::Representation;
use crate::{
    engine::{authorized::Authorized, scope::HubPublish, state::State},
    http::{Caller as _, NO_STORE, PathId, Problem},
};

/// Shows a topic, with the links that deliveries have.
pub(super) async fn show(
    caller: Authorized<HubPublish>,
    PathId(id): PathId<TopicId>,
    Extension(state): Extension<State>,
) -> Result<impl IntoResponse, Problem> {
    let topic = state.thorn.topics().get(caller.access(), id).await?;
    let link = HeaderValue::try_from(topic.links()).ok().map(|links| (LINK, links));
    Ok(([NO_STORE], AppendHeaders(link), Json(Representation::new(&topic)).into_response()))
}

pub(super) async fn delete(
    caller: Authorized<HubPublish>,
    PathId(id): PathId<TopicId>,
    Extension(state): Extension<State>,
) -> Result<StatusCode, Problem> {
    state.thorn.topics().delete(caller.access(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
