//! The news for the errback of a dispatch.

use serde::Serialize;

use crate::{
    attempt::{Outcome, RetryPolicy},
    delivery::observer::DeliveryReport,
    error::Error,
    event::{Event, RawBody},
    id::{DeliveryId, EventId},
    name::DISPATCH_FAILED,
    outbox::{StoredEvent, StoredSubscriber},
    rendered::RenderedEvent,
    signing::SecretKey,
};

/// The body of [`DISPATCH_FAILED`].
#[derive(Serialize)]
struct Failed<'a> {
    event: EventId,
    delivery: DeliveryId,
    url: Option<&'a str>,
    state: &'static str,
    attempts: u32,
    outcome: &'static str,
    status: Option<u16>,
    error: Option<&'a str>,
}

/// The event `dispatch.failed` about a delivery that failed permanently. Its id is derived from the attempt, so that a
/// task that runs twice calls the errback once. A delivery that is sent again and fails again is another report.
pub(super) fn dispatch_failed(
    report: &DeliveryReport,
    event: &StoredEvent,
    errback: &StoredSubscriber,
    retry: Option<&RetryPolicy>,
    key: Option<&SecretKey>,
) -> Result<RenderedEvent, Error> {
    let failed = Failed {
        event: report.event,
        delivery: report.delivery,
        url: event.subscriber(report.subscription).map(StoredSubscriber::url),
        state: report.state.as_str(),
        attempts: report.attempts,
        outcome: report.outcome.as_str(),
        status: report.status,
        error: public_error(report, event),
    };
    let source = |source| Error::Payload { event: DISPATCH_FAILED.to_owned(), source };
    let body = RawBody {
        media_type: Some("application/json".to_owned()),
        bytes: serde_json::to_vec(&failed).map_err(source)?.into(),
    };
    let news = Event::new(DISPATCH_FAILED).internal().sender(event.sender.as_ref());
    let news = news.to(errback.to_subscriber(event.id, key)?);
    let news = match retry {
        Some(policy) => news.retry(policy.clone()),
        None => news,
    };
    let id = EventId::about_attempt(report.delivery, report.event, report.attempts, DISPATCH_FAILED);
    Ok(RenderedEvent { id, ..news.render_raw(body)? })
}

/// The error, as far as the caller of a dispatch may see it: an owner learns nothing of the operator's network.
fn public_error<'a>(report: &'a DeliveryReport, event: &StoredEvent) -> Option<&'a str> {
    let is_public = event.sender.is_none() || report.outcome == Outcome::Rejected;
    report.error.as_deref().filter(|_| is_public)
}
