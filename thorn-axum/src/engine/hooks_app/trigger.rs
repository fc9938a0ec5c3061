//! `POST /trigger/{name}`: sends an event that was declared to the webhooks that are linked with it.

use axum::{
    Extension,
    body::Bytes,
    extract::{FromRequestParts, Path, Request},
    http::{StatusCode, request::Parts},
    response::Response,
};
use chrono::{SecondsFormat, Utc};
use thorn_core::{
    Dispatch,
    event::{Event, RawBody},
    idempotency::Answer,
};

use super::{
    access::webhooks_of,
    members::{Members, Triggered},
};
use crate::{
    engine::{
        authorized::Authorized,
        once::{Done, Once},
        scope::Publish,
        state::State,
    },
    http::{Problem, bytes_up_to, is_json},
};

/// The name in the path. One that isn't UTF-8 answers 404.
pub(super) struct EventName(String);

impl<S: Send + Sync> FromRequestParts<S> for EventName {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        name.map(|Path(name)| Self(name)).map_err(|_| Problem::new(StatusCode::NOT_FOUND))
    }
}

/// The event is raw: its body is `{event, time, …}` itself, without an envelope.
pub(super) async fn trigger(
    caller: Authorized<Publish>,
    EventName(name): EventName,
    once: Once,
    Extension(state): Extension<State>,
    request: Request,
) -> Result<Response, Problem> {
    let has_json = is_json(request.headers());
    let given = bytes_up_to(state.thorn.config().max_payload_bytes, request, &()).await?;
    let members = read(&given, has_json)?;
    let webhooks = webhooks_of(&state, &caller)?;
    let work = async |txn: &_| {
        let declared = webhooks.event_named(txn, &name).await?;
        let time = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let body = Triggered { event: &declared.name, time: &time, members: &members };
        let bytes = serde_json::to_vec(&body).map_err(Problem::internal)?;
        let body = RawBody { media_type: Some("application/json".to_owned()), bytes: Bytes::from(bytes) };
        let event = Event::new(declared.name).sender(caller.key().owner.as_ref()).dispatch(Dispatch::Queue);
        let id = event.send_raw(txn, body).await?;
        let location = format!("{}/events/{id}", state.base_url);
        let headers = [("content-type", "application/json".to_owned()), ("location", location)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
        let body = serde_json::json!({ "id": id }).to_string();
        Ok(Done { answer: Answer { status: StatusCode::ACCEPTED.as_u16(), headers, body }, event: Some(id) })
    };
    once.run(&state, &given, work).await
}

/// The members of the caller's object; none if the body is empty.
fn read(body: &[u8], has_json: bool) -> Result<Members, Problem> {
    if body.is_empty() {
        return Ok(Members::default());
    }
    if !has_json {
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
            .detail("The body must be empty, or JSON with `Content-Type: application/json`."));
    }
    serde_json::from_slice(body)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST).detail(format!("The body is no JSON object: {error}")))
}
