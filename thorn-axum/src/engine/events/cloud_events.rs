//! CloudEvents at `/events/`: one in binary mode, one in the JSON format, or a batch.

mod handshake;
mod request;

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode},
    response::Response,
};
use serde_json::json;
use thorn_core::{
    Dispatch, Error, EventId,
    api_key::ApiKey,
    cloud_event::CloudEvent,
    event::{Event, RenderedEvent, is_own_event},
    idempotency::Answer,
    inbox::{Received, receive},
};

pub(in crate::engine) use self::handshake::{answer, bypass_cors};
pub(super) use self::request::{Form, MAX_EVENTS};
use crate::{
    engine::{
        once::{Done, Once},
        state::EngineState,
    },
    http::Problem,
};

/// Writes the events of a request with one commit: all of them or none.
pub(super) async fn publish(
    caller: &ApiKey,
    once: Once,
    state: &EngineState,
    form: Form,
    headers: &HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let is_batch = form == Form::Batch;
    let given = form.read(headers, &body)?;
    let mut problem = None;
    let mut events = Vec::with_capacity(given.len());
    for (at, event) in given.into_iter().enumerate() {
        match event.and_then(|event| rendered(caller, event)) {
            Ok(event) => events.push(event),
            // A batch tells of every event that is wrong.
            Err(Refused::Attributes(errors)) => {
                let named = |attribute: String| if is_batch { format!("{at}.{attribute}") } else { attribute };
                problem = errors.into_iter().fold(problem, |problem, (attribute, reason)| {
                    Some(problem.unwrap_or_else(Problem::invalid_fields).field(named(attribute), reason))
                });
            }
            Err(Refused::Other(other)) => return Err(other),
        }
    }
    if let Some(problem) = problem {
        return Err(problem);
    }
    let work = async |txn: &_| {
        let received = receive(txn, events).await?;
        Ok(Done {
            answer: accepted(&received, is_batch, &state.base_url),
            event: received.first().map(|one| one.event()),
        })
    };
    once.run(state, &body, work).await
}

/// The reason why an event is refused.
enum Refused {
    /// Attributes that are missing or wrong, each with its reason.
    Attributes(Vec<(String, String)>),
    Other(Problem),
}

/// The event that a caller may publish. An owner sends as themselves.
fn rendered(caller: &ApiKey, given: CloudEvent) -> Result<RenderedEvent, Refused> {
    let wrong = |attribute: &str, reason: String| Refused::Attributes(vec![(attribute.to_owned(), reason)]);
    if is_own_event(&given.event_type) {
        return Err(wrong("type", "Only thorn itself sends events of this name.".to_owned()));
    }
    let (event, body) = Event::of_cloud_event(given);
    let event = event.sender(caller.owner.as_ref()).dispatch(Dispatch::Queue);
    event.render_raw(body).map_err(|error| match error {
        Error::EventName(error) => wrong("type", format!("Must be the name of an event: {error}.")),
        Error::Header(error) => wrong("datacontenttype", format!("{error}.")),
        other => Refused::Other(other.into()),
    })
}

/// The answer: 201 if there is a new event, and 200 if all of them came before.
fn accepted(received: &[Received], is_batch: bool, base_url: &str) -> Answer {
    let is_new = received.iter().any(|one| matches!(one, Received::First(_)));
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let ids: Vec<EventId> = received.iter().map(|one| one.event()).collect();
    let body = match (is_batch, &ids[..]) {
        (false, [id]) => {
            headers.push(("location".to_owned(), format!("{base_url}/events/{id}")));
            json!({ "id": id })
        }
        _ => json!({ "ids": ids }),
    };
    Answer { status: status.as_u16(), headers, body: body.to_string() }
}
