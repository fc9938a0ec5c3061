//! A `_topic` that is a URL: the body becomes a new version of a topic of the hub.

use axum::http::StatusCode;
use thorn_core::{
    api_key::{ApiKey, Scope},
    config::HubMode,
    event::{RawBody, RenderedEvent},
    topic::{Topic, TopicUrl},
};

use crate::{engine::state::EngineState, http::Problem};

/// The topic that the caller may publish, with its new version.
pub(super) async fn version(
    caller: &ApiKey,
    state: &EngineState,
    url: &TopicUrl,
    body: RawBody,
) -> Result<(Topic, RenderedEvent), Problem> {
    if !caller.scopes.contains(&Scope::HubPublish) {
        let detail = "`_topic`: the API key has no scope `hub.publish`.";
        return Err(Problem::new(StatusCode::FORBIDDEN).detail(detail));
    }
    if body.bytes.is_empty() {
        let detail = "`_topic`: a topic of the hub has content, and the body is empty.";
        return Err(Problem::new(StatusCode::BAD_REQUEST).detail(detail));
    }
    let found = match state.thorn.config().server.hub {
        HubMode::Off => None,
        HubMode::Topics | HubMode::Open => state.thorn.topics().find(url).await?,
    };
    let may_publish = |topic: &Topic| caller.owner.is_none() || caller.owner == topic.owner;
    let topic = found.filter(|topic| topic.registered && may_publish(topic)).ok_or_else(|| {
        let detail = "`_topic`: the hub has no such topic; register it at `/topics/`.";
        Problem::new(StatusCode::NOT_FOUND).detail(detail)
    })?;
    let event = topic.version(body)?;
    Ok((topic, event))
}
