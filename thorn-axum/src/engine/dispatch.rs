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
mod wait;
mod description;

use axum::{Extension, Router, extract::Request, http::StatusCode, response::Response, routing::post};
use thorn_core::{
    DeliveryId, Error,
    api_key::{ApiKey, Scope},
    event::{Event, RawBody, RenderedEvent},
    outbox,
    subscription::Subscriber,
};

pub(super) use self::description::description;
use self::{
    answer::{Accepted, Form},
    refused::Refused,
    request::{DispatchRequest, Reports, Topic},
    wait::Wait,
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
    let DispatchRequest { targets, reports, topic, body } =
        DispatchRequest::read(&headers, query.as_deref(), given.clone())?;
    // The response of one target can be the answer. With several, the wish is left aside, as RFC 7240 has it.
    let wait = Wait::asked_for(&headers).filter(|_| targets.len() == 1);
    if reports.callback.is_some() || wait.is_some() {
        may_read_responses(caller)?;
    }
    let to_targets = match targets.is_empty() {
        true => None,
        false => Some(request_event(caller, &targets, &reports, wait.is_some(), body.clone())?),
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
    let target = to_targets.as_ref().and_then(|event| event.recipients.first()).map(Subscriber::subscription_id);
    let events: Vec<RenderedEvent> = to_targets.into_iter().chain(to_topic).collect();
    let work = async |txn: &_| {
        if let Some((topic, event)) = of_hub {
            topic.note_version(txn, &event).await?;
        }
        outbox::write(txn, events).await?;
        Ok(Done { event: Some(accepted.id()), answer: form.accept(&accepted, &state.base_url) })
    };
    let answered = once.run_and_name(state, &given, work).await?;
    // A request that was done before is about its own event.
    match wait.zip(target).zip(answered.event) {
        Some(((wait, target), event)) => {
            wait.answer(state, caller.id, DeliveryId::derive(event, target), answered).await
        }
        None => Ok(answered.response),
    }
}

/// The event that goes to the targets. Each target of an owner is a recipient of its own, so that the waiting deliveries
/// of one owner to a URL never take the turns of another's.
fn request_event(
    caller: &ApiKey,
    targets: &[Subscriber],
    reports: &Reports,
    keeps_response: bool,
    body: RawBody,
) -> Result<RenderedEvent, Problem> {
    let owner = caller.owner.as_deref().unwrap_or_default();
    let named = targets.iter().map(|target| target.clone().name(owner));
    let event = by(caller, Event::dispatch_request(named));
    let event = match &reports.errback {
        Some(errback) => event.errback(errback.clone().name(owner)),
        None => event,
    };
    let event = match &reports.callback {
        Some(callback) => event.callback(callback.clone().name(owner)),
        None => event,
    };
    let event = if keeps_response { event.keep_first_response() } else { event };
    match event.render_raw(body) {
        Err(Error::Target(refused)) => Err(refused_target(targets, reports, &refused.to_string()).into()),
        rendered => Ok(rendered?),
    }
}

/// Finds the URL that deliveries must not go to.
fn refused_target(targets: &[Subscriber], reports: &Reports, otherwise: &str) -> Refused {
    let named = targets.iter().map(|target| ("_url", target));
    let named = named.chain(reports.errback.as_ref().map(|errback| ("_errback", errback)));
    let mut named = named.chain(reports.callback.as_ref().map(|callback| ("_callback", callback)));
    let refused = |(field, target): (&'static str, &Subscriber)| {
        let alone = Event::dispatch_request([target.clone()]).render_raw(RawBody::default());
        alone.err().map(|error| Refused::Target { field, url: target.url().to_owned(), reason: error.to_string() })
    };
    named.find_map(refused).unwrap_or_else(|| Refused::Target {
        field: "_url",
        url: String::new(),
        reason: otherwise.to_owned(),
    })
}

/// The event as its caller sends it, who needn't be on the machine when it is delivered.
fn by(caller: &ApiKey, event: Event) -> Event {
    event.sender(caller.owner.as_ref()).dispatch(thorn_core::Dispatch::Queue)
}

/// Refuses a caller who wants to know what a target answers, and may not.
fn may_read_responses(caller: &ApiKey) -> Result<(), Problem> {
    if caller.scopes.contains(&Scope::DispatchResponse) {
        return Ok(());
    }
    let detail =
        "`_callback` and `Prefer: wait` read what a target answers; the API key has no scope `dispatch.response`.";
    Err(Problem::new(StatusCode::FORBIDDEN).detail(detail))
}
