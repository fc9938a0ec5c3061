//! `/api/events/`: events by name.

use axum::{
    Extension, Json,
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use thorn_core::webhook::EventType;

use super::{access::webhooks_of, body::Body, item_id::ItemId, page::PageNumber};
use crate::{
    engine::{
        authorized::Authorized,
        scope::Hooks,
        state::{EngineState, State},
    },
    http::{NO_STORE, Problem},
};

/// The JSON of an event.
#[derive(Serialize)]
struct Shown<'a> {
    id: i64,
    name: &'a str,
}

impl<'a> Shown<'a> {
    fn new(event: &'a EventType) -> Self {
        Self { id: event.id, name: &event.name }
    }
}

fn collection(state: &EngineState) -> String {
    format!("{}/api/events/", state.base_url)
}

fn answer(event: &EventType) -> Response {
    ([NO_STORE], Json(Shown::new(event))).into_response()
}

pub(super) async fn list(
    caller: Authorized<Hooks>,
    Extension(state): Extension<State>,
    page: PageNumber,
) -> Result<Response, Problem> {
    let listed = webhooks_of(&state, &caller)?.events(page.items()?).await?;
    page.answer(&collection(&state), &listed, |event| serde_json::json!(Shown::new(event)))
}

pub(super) async fn create(
    caller: Authorized<Hooks>,
    Extension(state): Extension<State>,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let name = name(body)?.unwrap_or_default();
    let created = webhooks_of(&state, &caller)?.create_event(&name).await?;
    let location = format!("{}{}/", collection(&state), created.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], answer(&created)))
}

pub(super) async fn show(
    caller: Authorized<Hooks>,
    ItemId(id): ItemId,
    Extension(state): Extension<State>,
) -> Result<Response, Problem> {
    Ok(answer(&webhooks_of(&state, &caller)?.event(id).await?))
}

pub(super) async fn update(
    caller: Authorized<Hooks>,
    ItemId(id): ItemId,
    Extension(state): Extension<State>,
    body: Body,
) -> Result<Response, Problem> {
    let webhooks = webhooks_of(&state, &caller)?;
    let present = webhooks.event(id).await?;
    let changed = match name(body)? {
        Some(name) if name != present.name => webhooks.rename_event(id, &name).await?,
        _ => present,
    };
    Ok(answer(&changed))
}

pub(super) async fn delete(
    caller: Authorized<Hooks>,
    ItemId(id): ItemId,
    Extension(state): Extension<State>,
) -> Result<StatusCode, Problem> {
    webhooks_of(&state, &caller)?.delete_event(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn name(mut body: Body) -> Result<Option<String>, Problem> {
    let name = body.text("name");
    body.check()?;
    Ok(name)
}
