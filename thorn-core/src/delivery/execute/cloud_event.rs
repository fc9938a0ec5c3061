//! Makes a CloudEvent of an event for a subscription that wants one, and signs it.

use std::{borrow::Cow, collections::BTreeMap};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value, value::RawValue};

use super::executor::Executor;
use crate::{
    cloud_event::{Message, MessageData, STRUCTURED, extension},
    delivery::client::Content,
    error::Error,
    fanout::{ChunkEvent, Recipient},
    rendered::Members,
    spec::{ContentType, Dialect},
};

const JSON: &str = "application/json";

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
            false => Some(match event.bodies.sent(ContentType::Json) {
                Some(body) => body,
                None => self.name_and_body(event.id).await?.1.into(),
            }),
        };
        let unreadable = |source| Error::Payload { event: event.name.clone(), source };
        let members: Option<Members> =
            envelope.as_deref().map(serde_json::from_slice).transpose().map_err(unreadable)?;
        let source = &*self.defaults.source;
        let message = match &members {
            Some(members) => of_envelope(event, members, source),
            None => of_raw(event, source)?,
        };
        let (body, media_type, attributes) = if recipient.dialect() == Dialect::CloudEvents {
            (message.to_json().map_err(unreadable)?.into(), Some(STRUCTURED.into()), HeaderMap::new())
        } else {
            let body = match (message.data, &event.raw) {
                (_, Some(raw)) => raw.bytes.clone(),
                (MessageData::Json(json), None) => json.get().to_owned().into(),
                (MessageData::Bytes(bytes), None) => Bytes::copy_from_slice(bytes),
            };
            (body, message.media_type.map(|text| text.to_owned().into()), message.headers())
        };
        let hook_hmac = recipient.destination().signing.hook_hmac(&body);
        Ok(SignedCloudEvent { body, hook_hmac, media_type, attributes })
    }
}

/// An event of thorn's own form. The members that the application added are extensions, as far as these can hold them.
fn of_envelope<'a>(event: &'a ChunkEvent, members: &'a Members, source: &'a str) -> Message<'a> {
    let text = |name| members.get(name).and_then(|value| serde_json::from_str::<String>(value.get()).ok());
    let mut extensions: BTreeMap<String, Value> =
        members.extra().filter_map(|(name, value)| Some((name.to_owned(), extension(name, value)?))).collect();
    extensions.extend(text("sender").map(|sender| ("sender".to_owned(), sender.into())));
    Message {
        media_type: Some(JSON),
        extensions: Cow::Owned(extensions),
        data: members.get("data").map_or(MessageData::Bytes(&[]), MessageData::Json),
        subject: text("ref").map(Cow::Owned),
        ..of_thorn(event, source)
    }
}

/// A raw event. One that came as a CloudEvent leaves with the attributes that it came with.
fn of_raw<'a>(event: &'a ChunkEvent, source: &'a str) -> Result<Message<'a>, Error> {
    let not_found = || Error::NotFound { what: "payload of event", id: event.id.to_string() };
    let body = event.raw.as_ref().ok_or_else(not_found)?;
    let head = event.raw_head();
    let json = head.filter(|head| head.is_json).and_then(|_| serde_json::from_slice::<&RawValue>(&body.bytes).ok());
    let data = json.map_or(MessageData::Bytes(&body.bytes), MessageData::Json);
    let thorns = Message { data, media_type: body.media_type.as_deref(), ..of_thorn(event, source) };
    let Some(head) = head else { return Ok(thorns) };
    Ok(match &head.cloud {
        Some(context) => Message {
            id: Cow::Borrowed(&context.id),
            source: &context.source,
            subject: context.subject.as_deref().map(Cow::Borrowed),
            time: context.time.as_deref().map(Cow::Borrowed),
            dataschema: context.dataschema.as_deref(),
            extensions: Cow::Borrowed(&context.extensions),
            ..thorns
        },
        None => {
            let sender = head.sender.as_ref().map(|sender| ("sender".to_owned(), sender.clone().into()));
            let subject = head.reference.as_deref().map(Cow::Borrowed);
            Message { subject, extensions: Cow::Owned(sender.into_iter().collect()), ..thorns }
        }
    })
}

/// The attributes of every event that began as thorn's.
fn of_thorn<'a>(event: &'a ChunkEvent, source: &'a str) -> Message<'a> {
    Message {
        id: event.id.to_string().into(),
        source,
        event_type: &event.name,
        subject: None,
        time: event.id.generated_at().map(|time| time.to_string().into()),
        dataschema: None,
        media_type: None,
        extensions: Cow::Owned(BTreeMap::new()),
        data: MessageData::Bytes(&[]),
    }
}
