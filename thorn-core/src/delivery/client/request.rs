//! The headers of a delivery.

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, InvalidHeaderValue, USER_AGENT},
};
use uuid::Uuid;

use super::{
    outgoing::{Content, Outgoing},
    topic_headers,
};
use crate::{
    cloud_event::percent_encoded, headers::ExtraHeaders, rendered::RawHead, signing::standard_signature,
    timestamp::Timestamp,
};

const HOOK_EVENT: HeaderName = HeaderName::from_static("hook-event");
const HOOK_DELIVERY: HeaderName = HeaderName::from_static("hook-delivery");
const HOOK_EVENT_ID: HeaderName = HeaderName::from_static("hook-event-id");
const HOOK_SUBSCRIPTION: HeaderName = HeaderName::from_static("hook-subscription");
const HOOK_HMAC: HeaderName = HeaderName::from_static("hook-hmac");
const HOOK_BODY: HeaderName = HeaderName::from_static("hook-body");
const HOOK_REF: HeaderName = HeaderName::from_static("hook-ref");
const HOOK_SENDER: HeaderName = HeaderName::from_static("hook-sender");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// All headers of an attempt made `now`. The event's headers replace the subscription's. Thorn's headers replace
/// both, except for `User-Agent`.
pub(super) fn headers(
    outgoing: &Outgoing<'_>,
    now: Timestamp,
    user_agent: &HeaderValue,
) -> Result<HeaderMap, InvalidHeaderValue> {
    if let Content::Topic { media_type, topic, signature } = outgoing.content {
        return topic_headers::headers(outgoing, media_type, topic, signature, user_agent);
    }
    let mut text = Uuid::encode_buffer();
    let id = &*outgoing.delivery.as_uuid().hyphenated().encode_lower(&mut text);
    let signature = outgoing.secret.map(|secret| standard_signature(secret, id, now.as_secs(), &outgoing.body));
    let id = HeaderValue::from_str(id)?;

    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(USER_AGENT, user_agent.clone());
    for (name, value) in sendable(outgoing.subscription_headers).chain(sendable(outgoing.headers)) {
        headers.insert(name, value);
    }
    match outgoing.content {
        Content::Encoded(content_type) => {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type.as_str()));
        }
        Content::Raw { media_type, head } => raw_headers(media_type, head, &mut headers)?,
        Content::Topic { .. } => {}
        Content::CloudEvent { media_type, attributes } => {
            raw_headers(media_type, None, &mut headers)?;
            headers.extend(attributes.clone());
        }
    }
    headers.insert(HOOK_EVENT, encoded(outgoing.event)?);
    headers.insert(
        HOOK_EVENT_ID,
        HeaderValue::from_str(outgoing.event_id.as_uuid().hyphenated().encode_lower(&mut text))?,
    );
    headers.insert(HOOK_DELIVERY, id.clone());
    headers.insert(
        HOOK_SUBSCRIPTION,
        HeaderValue::from_str(outgoing.subscription.as_uuid().hyphenated().encode_lower(&mut text))?,
    );
    if let Some(hook_hmac) = outgoing.hook_hmac {
        headers.insert(HOOK_HMAC, HeaderValue::from_str(hook_hmac)?);
    }
    headers.insert(WEBHOOK_ID, id);
    headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(now.as_secs()));
    if let Some(signature) = signature {
        headers.insert(WEBHOOK_SIGNATURE, HeaderValue::try_from(signature)?);
    }
    if outgoing.body.is_empty() {
        // hyper sends no length for an empty body, and some receivers answer 411 then.
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    if !outgoing.keep_alive {
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(headers)
}

/// Adds the headers that only a raw event has.
fn raw_headers(
    media_type: Option<&str>,
    head: Option<&RawHead>,
    headers: &mut HeaderMap,
) -> Result<(), InvalidHeaderValue> {
    // A receiver must not take a raw body for thorn's own envelope, however much it looks like one.
    headers.insert(HOOK_BODY, HeaderValue::from_static("raw"));
    if let Some(media_type) = media_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(media_type)?);
    }
    let Some(RawHead { reference, sender, .. }) = head else { return Ok(()) };
    for (name, value) in [(HOOK_REF, reference), (HOOK_SENDER, sender)] {
        if let Some(value) = value {
            headers.insert(name, encoded(value)?);
        }
    }
    Ok(())
}

/// A text as the value of a header.
fn encoded(text: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    HeaderValue::from_str(&percent_encoded(text))
}

/// The extra headers that pass the check. Thorn checked them when the event and the subscription were made, but a
/// table and a queue have held them since.
fn sendable(extra: &ExtraHeaders) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    extra.iter().filter_map(|(name, value)| {
        let mut alone = ExtraHeaders::default();
        alone.push(name.to_owned(), value.to_owned());
        alone.check().ok()?;
        Some((name.try_into().ok()?, value.try_into().ok()?))
    })
}
