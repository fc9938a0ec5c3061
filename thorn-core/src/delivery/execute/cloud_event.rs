//! Makes a CloudEvent of an event for a subscription that wants one, and signs it.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;

use super::executor::Executor;
use crate::{
    cloud_event::STRUCTURED,
    delivery::client::Content,
    error::Error,
    fanout::{ChunkEvent, CloudFacts, Recipient},
    rendered::Members,
    spec::{ContentType, Dialect},
};

/// The body of a delivery, its signature, and the headers that say what it is.
pub(super) struct SignedCloudEvent {
    pub(super) body: Bytes,
    pub(super) hook_hmac: Option<String>,
    media_type: Option<Cow<'static, str>>,
    attributes: HeaderMap,
}

impl SignedCloudEvent {
    pub(super) fn content(&self) -> Content<'_> {
        Content::CloudEvent { media_type: self.media_type.as_deref(), attributes: &self.attributes }
    }
}

impl Executor {
    /// The event in the mode that the recipient wants.
    pub(super) async fn signed_cloud_event(
        &self,
        event: &ChunkEvent,
        recipient: &Recipient,
    ) -> Result<SignedCloudEvent, Error> {
        let envelope = match event.is_raw {
            true => None,
            false => Some(match event.bodies.get(ContentType::Json) {
                Some(body) => body.clone(),
                None => self.name_and_body(event.id).await?.1.into(),
            }),
        };
        let unreadable = |source| Error::Payload { event: event.name.clone(), source };
        let members: Option<Members> =
            envelope.as_deref().map(serde_json::from_slice).transpose().map_err(unreadable)?;
        let facts = CloudFacts { id: event.id, name: &event.name, source: &self.defaults.source };
        let not_found = || Error::NotFound { what: "payload of event", id: event.id.to_string() };
        let message = match &members {
            Some(members) => facts.of_envelope(members),
            None => facts.of_raw(event.raw.as_ref().ok_or_else(not_found)?, event.raw_head()),
        };
        let (body, media_type, attributes) = if recipient.dialect() == Dialect::CloudEvents {
            (message.to_json().map_err(unreadable)?.into(), Some(STRUCTURED.into()), HeaderMap::new())
        } else {
            let body = match &event.raw {
                Some(raw) => raw.bytes.clone(),
                None => Bytes::copy_from_slice(message.data.bytes()),
            };
            (body, message.media_type.map(|text| text.to_owned().into()), message.headers())
        };
        let hook_hmac = recipient.destination().signing.hook_hmac(&body);
        Ok(SignedCloudEvent { body, hook_hmac, media_type, attributes })
    }
}
