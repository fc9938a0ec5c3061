//! `hub.mode=publish`: a publisher says that topics have changed.

use axum::{
    extract::FromRequestParts as _,
    http::{StatusCode, request::Parts},
};
use thorn_core::{config::HubMode, subscription::Access, topic::TopicUrl};

use super::{
    count, hub_url,
    parameters::Parameters,
    refused::{bad, shown},
};
use crate::{
    engine::{authorized::Authorized, scope::HubPublish, state::EngineState},
    http::{Caller as _, Problem, Source},
};

/// The most topics of one request.
const MOST: usize = 100;

/// Marks the topics as changed. Unknown ones are ignored, so the answer tells nobody which topics there are.
///
/// An open hub takes pings from everybody: they only make it look at topics that it knows. It counts them by their source.
pub(super) async fn publish(
    state: &EngineState,
    source: Source,
    parts: &mut Parts,
    form: &Parameters,
) -> Result<StatusCode, Problem> {
    let topics = topics(form)?;
    let caller = match state.thorn.config().server.hub {
        HubMode::Open => {
            count(state, source)?;
            None
        }
        HubMode::Off | HubMode::Topics => Some(Authorized::<HubPublish>::from_request_parts(parts, &()).await?),
    };
    let access = caller.as_ref().map_or(Access::Operator, |caller| caller.access());
    state.thorn.topics().ping(&topics, access, &hub_url(&state.base_url)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The topics of `hub.url` and `hub.topic`, each once. Publishers use either name.
fn topics(form: &Parameters) -> Result<Vec<TopicUrl>, Problem> {
    let mut topics = Vec::new();
    for name in ["hub.url", "hub.topic"] {
        for value in form.all(name)? {
            let topic = value.parse::<TopicUrl>();
            topics.push(topic.map_err(|error| bad(format!("`{name}` {}: {error}", shown(value))))?);
        }
    }
    topics.sort();
    topics.dedup();
    match topics.len() {
        0 => Err(bad("`hub.url` or `hub.topic` is missing")),
        1..=MOST => Ok(topics),
        count => Err(bad(format!("{count} topics in one request, at most {MOST} are possible"))),
    }
}
