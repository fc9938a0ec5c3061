//! The response to a delivery, as an event for the callback of a dispatch and for a caller who waits.

use crate::{
    attempt::{DeliveryState, RetryPolicy},
    delivery::{client::KeptResponse, observer::DeliveryReport},
    error::Error,
    event::{Event, RawBody},
    id::EventId,
    name::DISPATCH_RESPONSE,
    outbox::StoredEvent,
    rendered::{RenderedEvent, ResponseHead},
    signing::SecretKey,
};

/// The event `dispatch.response` with this response, if somebody wants it: the callback a success, and a caller who
/// waits the first attempt. Its id is derived from the attempt, so that a task that runs twice writes it once.
///
/// It has no callback of its own, so nobody gets the response of a callback.
pub(super) fn dispatch_response(
    report: &DeliveryReport,
    event: &StoredEvent,
    response: KeptResponse,
    retry: Option<&RetryPolicy>,
    key: Option<&SecretKey>,
) -> Option<Result<RenderedEvent, Error>> {
    let callback = event.callback.as_ref().filter(|_| report.state == DeliveryState::Delivered);
    let is_awaited = event.keeps_first_response && report.attempts == 1;
    if callback.is_none() && !is_awaited {
        return None;
    }
    let KeptResponse { status, media_type, bytes, is_truncated } = response;
    let head = ResponseHead { status, delivery: report.delivery, is_truncated };
    let render = || {
        let news = Event::new(DISPATCH_RESPONSE).internal().sender(event.sender.as_ref());
        let news = head.headers().into_iter().fold(news, |news, (name, value)| news.header(name, value));
        let news = match callback {
            Some(callback) => news.to(callback.to_subscriber(event.id, key)?),
            None => news,
        };
        let news = match retry {
            Some(policy) => news.retry(policy.clone()),
            None => news,
        };
        let id = EventId::about_attempt(report.delivery, report.event, report.attempts, DISPATCH_RESPONSE);
        let body = RawBody { media_type: media_type.filter(|text| is_sendable(text)), bytes };
        Ok(RenderedEvent { id, ..news.render_raw(body)? })
    };
    Some(render())
}

/// Whether a media type can be stored and sent on. The receiver chose it.
fn is_sendable(media_type: &str) -> bool {
    RawBody { media_type: Some(media_type.to_owned()), ..RawBody::default() }.check().is_ok()
}
