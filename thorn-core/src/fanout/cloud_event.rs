//! An event of thorn's as a CloudEvent.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Value, value::RawValue};

use crate::{
    cloud_event::{Message, MessageData, extension},
    id::EventId,
    rendered::{Members, RawBody, RawHead},
};

const JSON: &str = "application/json";

/// The facts about an event that its CloudEvent has.
#[derive(Clone, Copy)]
pub(crate) struct CloudFacts<'a> {
    pub(crate) id: EventId,
    pub(crate) name: &'a str,
    /// The source of events that began as thorn's.
    pub(crate) source: &'a str,
}

impl<'a> CloudFacts<'a> {
    /// An enveloped event. The members that the application added are extensions, as far as these can hold them.
    pub(crate) fn of_envelope(self, members: &'a Members) -> Message<'a> {
        let text = |name| members.get(name).and_then(|value| serde_json::from_str::<String>(value.get()).ok());
        let mut extensions: BTreeMap<String, Value> =
            members.extra().filter_map(|(name, value)| Some((name.to_owned(), extension(name, value)?))).collect();
        extensions.extend(text("sender").map(|sender| ("sender".to_owned(), sender.into())));
        Message {
            media_type: Some(JSON),
            extensions: Cow::Owned(extensions),
            data: members.get("data").map_or(MessageData::Bytes(&[]), MessageData::Json),
            subject: text("ref").map(Cow::Owned),
            ..self.of_thorn()
        }
    }

    /// A raw event. One that came as a CloudEvent leaves with the attributes that it came with.
    pub(crate) fn of_raw(self, body: &'a RawBody, head: Option<&'a RawHead>) -> Message<'a> {
        let json = head.filter(|head| head.is_json).and_then(|_| serde_json::from_slice::<&RawValue>(&body.bytes).ok());
        let data = json.map_or(MessageData::Bytes(&body.bytes), MessageData::Json);
        let thorns = Message { data, media_type: body.media_type.as_deref(), ..self.of_thorn() };
        let Some(head) = head else { return thorns };
        match &head.cloud {
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
        }
    }

    /// The attributes of every event that began as thorn's.
    fn of_thorn(self) -> Message<'a> {
        Message {
            id: self.id.to_string().into(),
            source: self.source,
            event_type: self.name,
            subject: None,
            time: self.id.generated_at().map(|time| time.to_string().into()),
            dataschema: None,
            media_type: None,
            extensions: Cow::Owned(BTreeMap::new()),
            data: MessageData::Bytes(&[]),
        }
    }
}
