//! `/events/`: the list, and publishing.

use axum::{
    Extension, Json,
    extract::{FromRequestParts, Query, Request},
    http::{StatusCode, request::Parts},
    response::{AppendHeaders, IntoResponse, Response},
};
use serde::Deserialize;
use thorn_core::{EventId, event::check_event_name, history::EventQuery, idempotency::Answer};

use super::{
    cloud_events::{self, Form},
    publication::Publication,
    representation::{DeliveryOf, Summary},
};
use crate::{
    engine::{
        authorized::Authorized,
        once::{Done, Once},
        scope::{Publish, Read},
        state::State,
    },
    http::{Caller as _, NO_STORE, PageQuery, Problem, bytes_up_to, is_json},
};

/// The fields of the query besides those of the page.
#[derive(Deserialize)]
pub(super) struct Filter {
    name: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Filter {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<Self>::from_request_parts(parts, state).await;
        let Query(filter) = query.map_err(|error| Problem::invalid_fields().detail(error.body_text()))?;
        if let Some(Err(error)) = filter.name.as_deref().map(check_event_name) {
            return Err(Problem::invalid_fields().field("name", error.to_string()));
        }
        Ok(filter)
    }
}

/// Lists events. One of thorn's own has its targets with it, so that the backlog of dispatches is one request.
pub(super) async fn list(
    caller: Authorized<Read>,
    Extension(state): Extension<State>,
    page: PageQuery<EventId>,
    Filter { name }: Filter,
) -> Result<impl IntoResponse, Problem> {
    let query = EventQuery { name, after: page.cursor(), limit: page.limit() };
    let found = state.thorn.history().events(caller.access(), &query).await?;
    let filter = query.name.as_deref().map(|name| ("name", name));
    let link = found.next.and_then(|next| page.next_link_with(&format!("{}/events/", state.base_url), next, filter));
    let targets = state.thorn.history().targets(&found.events).await?;
    let is_operator = caller.access().owner_id().is_none();
    let mut shown = Vec::with_capacity(found.events.len());
    for event in &found.events {
        let of_event = targets.get(&event.id);
        let of_event = of_event.map(|all| all.iter().map(|one| DeliveryOf::new(one, is_operator)).collect());
        shown.push(Summary::new(event).with_targets(of_event));
    }
    Ok(([NO_STORE], AppendHeaders(link), Json(shown).into_response()))
}

pub(super) async fn publish(
    caller: Authorized<Publish>,
    once: Once,
    Extension(state): Extension<State>,
    request: Request,
) -> Result<Response, Problem> {
    let form = Form::of(request.headers())?;
    if form.is_none() && !is_json(request.headers()) {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
            .detail("The body must be JSON, with `Content-Type: application/json`."));
    }
    // The event's JSON may be longer than its body, which has a limit of its own.
    let config = state.thorn.config();
    let headers = form.is_some().then(|| request.headers().clone());
    let body = bytes_up_to(config.max_payload_bytes.max(config.max_event_bytes), request, &()).await?;
    if let Some((form, headers)) = form.zip(headers) {
        return cloud_events::publish(caller.key(), once, &state, form, &headers, body).await;
    }
    let publication = Publication::parse(&body)?;
    let event = publication.event(caller.key())?;
    let work = async |txn: &_| {
        let id = event.send(txn, &publication.data).await?;
        let headers =
            [("content-type", "application/json".to_owned()), ("location", format!("{}/events/{id}", state.base_url))];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
        let body = serde_json::json!({ "id": id }).to_string();
        Ok(Done { answer: Answer { status: StatusCode::CREATED.as_u16(), headers, body }, event: Some(id) })
    };
    once.run(&state, &body, work).await
}
