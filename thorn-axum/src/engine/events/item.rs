//! `/events/{id}`: one event, its bytes, its deliveries, and sending them again.

use axum::{
    Extension, Json,
    extract::Request,
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    },
    response::{AppendHeaders, IntoResponse, Response},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use thorn_core::{DeliveryId, EventId, history::EventBody, idempotency::Answer, resend};

use super::representation::{DeliveryOf, Summary, Whole};
use crate::{
    engine::{
        authorized::Authorized,
        once::{Done, Once},
        scope::{Read, Resend},
        state::State,
    },
    http::{Caller as _, NO_STORE, PageQuery, PathId, Problem, bytes_up_to, is_json, parse_id},
};

/// Bytes that the body of a resend may have.
const MAX_BODY_BYTES: usize = 4096;

pub(super) async fn show(
    caller: Authorized<Read>,
    PathId(id): PathId<EventId>,
    Extension(state): Extension<State>,
) -> Result<impl IntoResponse, Problem> {
    let history = state.thorn.history();
    let event = history.event(caller.access(), id).await?;
    let body = history.body(caller.access(), id).await?;
    let body: Option<&RawValue> = match &body {
        EventBody::Enveloped(body) => Some(serde_json::from_str(body).map_err(Problem::internal)?),
        EventBody::Raw(_) => None,
    };
    Ok(([NO_STORE], Json(Whole { summary: Summary::new(&event), body }).into_response()))
}

/// The exact bytes. A browser saves them and never shows them as a page of the server's origin.
pub(super) async fn body(
    caller: Authorized<Read>,
    PathId(id): PathId<EventId>,
    Extension(state): Extension<State>,
) -> Result<impl IntoResponse, Problem> {
    let (media_type, extension, bytes) = match state.thorn.history().body(caller.access(), id).await? {
        EventBody::Enveloped(body) => ("application/json".to_owned(), "json", body.into()),
        EventBody::Raw(body) => (body.shown_media_type().to_owned(), "bin", body.bytes),
    };
    let headers: [(HeaderName, HeaderValue); 3] = [
        NO_STORE,
        (CONTENT_TYPE, HeaderValue::try_from(media_type).map_err(Problem::internal)?),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    // An id has only hexadecimal digits and dashes.
    let name = format!("attachment; filename=\"event-{id}.{extension}\"");
    Ok((headers, [(CONTENT_DISPOSITION, name)], bytes))
}

pub(super) async fn deliveries(
    caller: Authorized<Read>,
    PathId(id): PathId<EventId>,
    Extension(state): Extension<State>,
    page: PageQuery<DeliveryId>,
) -> Result<impl IntoResponse, Problem> {
    let history = state.thorn.history();
    let fetched = history.deliveries(caller.access(), id, page.cursor(), page.fetch_limit()).await?;
    let (shown, next) = page.split(&fetched, |one| one.delivery.id);
    let link = next.and_then(|next| page.next_link(&format!("{}/events/{id}/deliveries", state.base_url), next));
    let is_operator = caller.access().owner_id().is_none();
    let shown: Vec<_> = shown.iter().map(|one| DeliveryOf::new(one, is_operator)).collect();
    Ok(([NO_STORE], AppendHeaders(link), Json(shown).into_response()))
}

/// The body of a resend. It may be empty, for all deliveries.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    delivery: Option<String>,
}

impl Choice {
    async fn read(request: Request) -> Result<(Self, axum::body::Bytes), Problem> {
        let is_json = is_json(request.headers());
        let body = bytes_up_to(MAX_BODY_BYTES, request, &()).await?;
        if body.is_empty() {
            return Ok((Self::default(), body));
        }
        if !is_json {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .detail("The body must be empty, or JSON with `Content-Type: application/json`."));
        }
        let choice = serde_json::from_slice(&body).map_err(|error| {
            Problem::new(StatusCode::BAD_REQUEST).detail(format!("The body isn't `{{delivery?}}`: {error}"))
        })?;
        Ok((choice, body))
    }

    fn delivery(&self) -> Result<Option<DeliveryId>, Problem> {
        let parse = |text| parse_id(text).ok_or_else(|| Problem::invalid_fields().field("delivery", "Must be an id."));
        self.delivery.as_deref().map(parse).transpose()
    }
}

pub(super) async fn resend(
    caller: Authorized<Resend>,
    PathId(id): PathId<EventId>,
    once: Once,
    Extension(state): Extension<State>,
    request: Request,
) -> Result<Response, Problem> {
    let (choice, body) = Choice::read(request).await?;
    let delivery = choice.delivery()?;
    let work = async |txn: &_| {
        let sent = resend::resend(txn, caller.access(), id, delivery).await?;
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let body = serde_json::json!({ "id": id, "deliveries": sent }).to_string();
        Ok(Done { answer: Answer { status: StatusCode::ACCEPTED.as_u16(), headers, body }, event: Some(id) })
    };
    once.run(&state, &body, work).await
}
