//! `/topics/`: the list, and registering.

use axum::{
    Extension, Json,
    http::{StatusCode, header::LOCATION},
    response::{AppendHeaders, IntoResponse},
};
use serde_json::{Map, Value};
use thorn_core::{Error, TopicId, topic::TopicUrl};

use super::representation::Representation;
use crate::{
    engine::{
        authorized::Authorized,
        hub::hub_url,
        scope::HubPublish,
        state::{EngineState, State},
    },
    http::{Caller as _, JsonObject, NO_STORE, PageQuery, Problem},
};

pub(super) async fn list(
    caller: Authorized<HubPublish>,
    Extension(state): Extension<State>,
    page: PageQuery<TopicId>,
) -> Result<impl IntoResponse, Problem> {
    let fetched = state.thorn.topics().list(caller.access(), page.cursor(), page.fetch_limit()).await?;
    let (shown, next) = page.split(&fetched, |topic| topic.id);
    let link = next.and_then(|next| page.next_link(&format!("{}/topics/", state.base_url), next));
    let shown: Vec<_> = shown.iter().map(Representation::new).collect();
    Ok(([NO_STORE], AppendHeaders(link), Json(shown).into_response()))
}

/// Registers a topic. One that the caller has registered already stays as it is.
pub(super) async fn register(
    caller: Authorized<HubPublish>,
    Extension(state): Extension<State>,
    JsonObject(body): JsonObject,
) -> Result<impl IntoResponse, Problem> {
    let url = url(body, &state)?;
    let registered = state.thorn.topics().register(&url, caller.access(), &hub_url(&state.base_url)).await;
    let (topic, is_new) = match registered {
        Ok(Some(registered)) => registered,
        Ok(None) => {
            return Err(Problem::new(StatusCode::CONFLICT).detail("Somebody else has registered this topic."));
        }
        Err(Error::Option(error)) => return Err(Problem::new(StatusCode::CONFLICT).detail(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let location = format!("{}/topics/{}", state.base_url, topic.id);
    Ok((status, [NO_STORE], [(LOCATION, location)], Json(Representation::new(&topic)).into_response()))
}

/// The only field of the body.
fn url(mut body: Map<String, Value>, state: &EngineState) -> Result<TopicUrl, Problem> {
    let invalid = |message: String| Problem::invalid_fields().field("url", message);
    let url = match body.remove("url") {
        Some(Value::String(text)) => text.parse::<TopicUrl>().map_err(|error| invalid(error.to_string()))?,
        Some(_) => return Err(invalid("Must be a text.".to_owned())),
        None => return Err(invalid("This field is required.".to_owned())),
    };
    if let Some(unknown) = body.into_iter().next() {
        return Err(Problem::invalid_fields().field(unknown.0, "There is no such field; the fields are: url."));
    }
    if !state.thorn.config().may_fetch(&url) {
        let message = "Topics are fetched from public addresses on the open ports only, and from the networks in \
                       THORN_HUB_FETCH_NETWORKS.";
        return Err(invalid(message.to_owned()));
    }
    Ok(url)
}
