//! `/topics/{id}`: one topic.

use axum::{
    Extension, Json,
    extract::{FromRequestParts, Path},
    http::{HeaderValue, StatusCode, header::LINK, request::Parts},
    response::{AppendHeaders, IntoResponse},
};
use serde::Deserialize;
use thorn_core::TopicId;

use super::representation::Representation;
use crate::{
    engine::{authorized::Authorized, scope::HubPublish, state::State},
    http::{Caller as _, NO_STORE, Problem, parse_id},
};

/// Shows a topic, with the links that deliveries have.
pub(super) async fn show(
    caller: Authorized<HubPublish>,
    TopicPath(id): TopicPath,
    Extension(state): Extension<State>,
) -> Result<impl IntoResponse, Problem> {
    let topic = state.thorn.topics().get(caller.access(), id).await?;
    let link = HeaderValue::try_from(topic.links()).ok().map(|links| (LINK, links));
    Ok(([NO_STORE], AppendHeaders(link), Json(Representation::new(&topic)).into_response()))
}

pub(super) async fn delete(
    caller: Authorized<HubPublish>,
    TopicPath(id): TopicPath,
    Extension(state): Extension<State>,
) -> Result<StatusCode, Problem> {
    state.thorn.topics().delete(caller.access(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The id in the path. Anything that isn't an id answers 404.
pub(super) struct TopicPath(TopicId);

#[derive(Deserialize)]
struct Params {
    topic_id: String,
}

impl<S: Send + Sync> FromRequestParts<S> for TopicPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = Path::<Params>::from_request_parts(parts, state).await.ok();
        let id = params.and_then(|Path(params)| parse_id(&params.topic_id));
        id.map(Self).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND))
    }
}
