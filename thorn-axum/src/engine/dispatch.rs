//! `POST /dispatch`: sends a body to URLs, or makes an event of it.
//!
//! The body goes on as it is. Only the control fields that say where it goes are cut out of a form.

mod refused;
mod control;
mod parameter;
mod pairs;
mod multipart;
mod request;
mod answer;
mod hub_topic;

use axum::{Extension, Router, extract::Request, response::Response, routing::post};
use thorn_core::{
    Error,
    api_key::ApiKey,
    event::{Event, RawBody, RenderedEvent},
    outbox,
    subscription::Subscriber,
};

use self::{
    answer::{Accepted, Form},
    refused::Refused,
    request::{DispatchRequest, Topic},
};
use super::{
    authorized::Authorized,
    once::{Done, Once},
    scope::Dispatch,
    state::{EngineState, State},
};
use crate::http::{Problem, bytes_up_to, method_not_allowed};

pub(super) fn routes() -> Router {
    Router::new().route("/dispatch", post(dispatch).fallback(method_not_allowed))
}

async fn dispatch(
    caller: Authorized<Dispatch>,
    once: Once,
    Extension(state): Extension<State>,
    request: Request,
) -> Response {
    let form = Form::asked_for(request.headers());
    let accepted = accept(caller.key(), once, &state, request, form).await;
    accepted.unwrap_or_else(|problem| form.refuse(problem))
}

/// Writes the events of a dispatch with one commit.
async fn accept(
    caller: &ApiKey,
    once: Once,
    state: &EngineState,
    request: Request,
    form: Form,
) -> Result<Response, Problem> {
    let (headers, query) = (request.headers().clone(), request.uri().query().map(str::to_owned));
    let given = bytes_up_to(state.thorn.config().max_payload_bytes, request, &()).await?;
    let DispatchRequest { targets, errback, topic, body } =
        DispatchRequest::read(&headers, query.as_deref(), given.clone())?;
    let to_targets = match targets.is_empty() {
        true => None,
        false => Some(request_event(caller, &targets, errback.as_ref(), body.clone())?),
    };
    let (to_topic, of_hub) = match topic {
        None => (None, None),
        Some(Topic::Event(name)) => (Some(by(caller, Event::new(name)).render_raw(body)?), None),
        Some(Topic::Hub(url)) => {
            let (topic, event) = hub_topic::version(caller, state, &url, body).await?;
            (Some(event.clone()), Some((topic, event)))
        }
    };
    let accepted = Accepted::new(to_targets.as_ref(), to_topic.as_ref());
    let events: Vec<RenderedEvent> = to_targets.into_iter().chain(to_topic).collect();
    let work = async |txn: &_| {
        if let Some((topic, event)) = of_hub {
            topic.note_version(txn, &event).await?;
        }
        outbox::write(txn, events).await?;
        Ok(Done { event: Some(accepted.id()), answer: form.accept(&accepted, &state.base_url) })
    };
    once.run(state, &given, work).await
}

/// The event that goes to the targets. Each target of an owner is a recipient of its own, so that the waiting deliveries
/// of one owner to a URL never take the turns of another's.
fn request_event(
    caller: &ApiKey,
    targets: &[Subscriber],
    errback: Option<&Subscriber>,
    body: RawBody,
) -> Result<RenderedEvent, Problem> {
    let owner = caller.owner.as_deref().unwrap_or_default();
    let named = targets.iter().map(|target| target.clone().name(owner));
    let event = by(caller, Event::dispatch_request(named));
    let event = match errback {
        Some(errback) => event.errback(errback.clone().name(owner)),
        None => event,
    };
    match event.render_raw(body) {
        Err(Error::Target(refused)) => Err(refused_target(targets, errback, &refused.to_string()).into()),
        rendered => Ok(rendered?),
    }
}

/// Finds the URL that deliveries must not go to.
fn refused_target(targets: &[Subscriber], errback: Option<&Subscriber>, otherwise: &str) -> Refused {
    let named = targets.iter().map(|target| ("_url", target)).chain(errback.map(|errback| ("_errback", errback)));
    let refused = |(field, target): (&'static str, &Subscriber)| {
        let alone = Event::dispatch_request([target.clone()]).render_raw(RawBody::default());
        alone.err().map(|error| Refused::Target { field, url: target.url().to_owned(), reason: error.to_string() })
    };
    named.into_iter().find_map(refused).unwrap_or_else(|| Refused::Target {
        field: "_url",
        url: String::new(),
        reason: otherwise.to_owned(),
    })
}

/// The event as its caller sends it, who needn't be on the machine when it is delivered.
fn by(caller: &ApiKey, event: Event) -> Event {
    event.sender(caller.owner.as_ref()).dispatch(thorn_core::Dispatch::Queue)
}
