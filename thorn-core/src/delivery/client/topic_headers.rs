//! The headers of a delivery that carries the content of a hub's topic (WebSub, section 7).

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{CONTENT_TYPE, InvalidHeaderValue, LINK, USER_AGENT},
};
use uuid::Uuid;

use super::outgoing::Outgoing;
use crate::rendered::TopicHead;

const X_HUB_SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");

/// The headers that say what the content is. `webhook-id` is the same at each attempt, so that a subscriber can tell a
/// repetition. The name of the topic's owner and thorn's own signatures aren't for strangers.
pub(super) fn headers(
    outgoing: &Outgoing<'_>,
    media_type: Option<&str>,
    topic: &TopicHead,
    signature: Option<&str>,
    user_agent: &HeaderValue,
) -> Result<HeaderMap, InvalidHeaderValue> {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(USER_AGENT, user_agent.clone());
    if let Some(media_type) = media_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_str(media_type)?);
    }
    headers.insert(LINK, HeaderValue::try_from(topic.links())?);
    if let Some(signature) = signature {
        headers.insert(X_HUB_SIGNATURE, HeaderValue::from_str(signature)?);
    }
    let mut text = Uuid::encode_buffer();
    let id = outgoing.delivery.as_uuid().hyphenated().encode_lower(&mut text);
    headers.insert(WEBHOOK_ID, HeaderValue::from_str(id)?);
    Ok(headers)
}
