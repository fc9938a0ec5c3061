//! A task: a chunk of deliveries, each of which succeeds or fails alone.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{encode::encode_body, recipient::Recipient};
use crate::{
    id::{DeliveryId, EventId, SubscriptionId},
    rendered::{EventOptions, RawBody, RawHead, TopicHead},
    spec::ContentType,
    subscription::Subscription,
};

/// The version that this release writes. A worker that meets a later version leaves the task's deliveries to the
/// reconciler of the release that can read the task.
///
/// Tasks of earlier versions have the bodies of their events, too. They are passed over, since the rows have them.
pub(crate) const CHUNK_VERSION: u32 = 4;

/// About how many bytes an event has in a task.
const EVENT_BYTES: usize = 128;

/// About how many bytes a delivery has in a task.
const DELIVERY_BYTES: usize = 160;

/// Deliveries of one or many events, with each event's body once per content type.
///
/// A task carries neither the bodies nor a secret. The process whose relay packed the chunk still has the bodies, and
/// another one reads them from the events' rows. The worker looks up URL and secret at the moment of sending, so that an
/// edit or a deletion of the subscription takes effect at once.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Chunk {
    /// The version of the chunk's format.
    #[serde(rename = "v")]
    pub(crate) version: u32,
    /// The events that are delivered.
    pub(crate) events: Vec<ChunkEvent>,
    /// Deliveries, each with its event and its subscription.
    pub(crate) deliveries: Vec<ChunkDelivery>,
    /// Whether some deliveries may be recorded already. The worker then looks for their records first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) check: bool,
}

/// An event with the data that its deliveries need.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct ChunkEvent {
    pub(crate) id: EventId,
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) bodies: Bodies,
    /// The options of the event's deliveries. `None` stands for the defaults.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) options: Option<EventOptions>,
    /// Whether the event is raw. The worker then reads its body from the database.
    #[serde(default, rename = "raw", skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_raw: bool,
    /// The body of a raw event, once the worker has read it. `None` if it is gone.
    #[serde(skip)]
    pub(crate) raw: Option<RawBody>,
}

/// The event's body in each content type that a delivery of the chunk needs. Any number of requests share them without a
/// copy.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    /// JSON, byte for byte.
    json: Option<Bytes>,
    /// Form-urlencoded.
    form: Option<Bytes>,
}

/// One delivery of a chunk.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ChunkDelivery {
    /// Index into the chunk's events.
    #[serde(rename = "e")]
    pub(crate) event: usize,
    /// The subscription that gets the delivery.
    #[serde(rename = "s")]
    pub(crate) subscription: SubscriptionId,
    /// The content type of the body that was signed.
    #[serde(rename = "c", default, skip_serializing_if = "is_json")]
    pub(crate) content_type: ContentType,
    /// The `Hook-HMAC` of the body, computed by the relay. `None` if the subscription is unsigned.
    #[serde(rename = "h", default, skip_serializing_if = "Option::is_none")]
    pub(crate) hook_hmac: Option<String>,
    /// The number of attempts made before this one.
    #[serde(rename = "n", default, skip_serializing_if = "is_zero")]
    pub(crate) attempts: u32,
    /// The number of those attempts that the retry policy doesn't count.
    #[serde(rename = "f", default, skip_serializing_if = "is_zero")]
    pub(crate) uncounted: u32,
    /// Whether the delivery has a row already, because it had to wait.
    #[serde(rename = "r", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) has_row: bool,
    /// Whether the delivery goes to a subscriber that the event brought. Only the event's row holds this subscriber.
    #[serde(rename = "o", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) of_event: bool,
    /// Whether the subscription's filter is still to be evaluated.
    #[serde(rename = "u", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) undecided: bool,
    /// The subscription as it was when the body was signed. `None` if the chunk comes from another process.
    #[serde(skip)]
    pub(crate) signed_for: Option<Arc<Subscription>>,
}

impl ChunkEvent {
    /// The deadline of an attempt that the event sets itself.
    pub(crate) fn own_timeout(&self) -> Option<Duration> {
        self.options.as_ref().and_then(|options| options.timeout)
    }

    /// The topic of the hub that the event is a new version of.
    pub(crate) fn topic(&self) -> Option<&TopicHead> {
        self.raw_head()?.topic.as_ref()
    }

    /// The head of a raw event.
    pub(crate) fn raw_head(&self) -> Option<&RawHead> {
        self.options.as_ref().and_then(|options| options.raw.as_deref())
    }
}

impl ChunkDelivery {
    /// Whether this process signed the body for this very state of the recipient's subscription, so that its signature
    /// needn't be checked.
    pub(crate) fn is_signed_for(&self, recipient: &Recipient) -> bool {
        match (&self.signed_for, recipient.shared_subscription()) {
            (Some(then), Some(now)) => Arc::ptr_eq(then, now),
            _ => false,
        }
    }
}

fn is_json(kind: &ContentType) -> bool {
    *kind == ContentType::Json
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Bodies {
    /// The body in this content type, if the chunk has it.
    pub(crate) const fn get(&self, content_type: ContentType) -> Option<&Bytes> {
        match content_type {
            ContentType::Json => self.json.as_ref(),
            ContentType::Form => self.form.as_ref(),
        }
    }

    /// Encodes the stored body in this content type, unless it is there already. Returns the bytes that this added.
    ///
    /// # Errors
    ///
    /// If the body can't be encoded in this content type.
    pub(crate) fn encode(&mut self, content_type: ContentType, stored: &str) -> Result<usize, serde_json::Error> {
        let place = match content_type {
            ContentType::Json => &mut self.json,
            ContentType::Form => &mut self.form,
        };
        if place.is_some() {
            return Ok(0);
        }
        let body = Bytes::from(encode_body(content_type, stored)?.into_owned());
        Ok(place.insert(body).len())
    }

    /// Whether the chunk has no body of the event.
    const fn are_missing(&self) -> bool {
        self.json.is_none() && self.form.is_none()
    }

    fn bytes(&self) -> usize {
        [&self.json, &self.form].into_iter().flatten().map(Bytes::len).sum()
    }
}

/// The reason why a task can't be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAChunk {
    #[error("a task of another release, with version {0} instead of 1 to {CHUNK_VERSION}")]
    OtherRelease(u32),
    #[error("a task that is no chunk ({0})")]
    Malformed(serde_json::Error),
}

impl Chunk {
    /// Reads a task's text. In another version, everything but `v` may have another format.
    pub(crate) fn read(task: &str) -> Result<Self, NotAChunk> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let read = serde_json::from_str(task);
        let version = match &read {
            Ok(Self { version, .. }) => Some(*version),
            Err(_) => serde_json::from_str(task).ok().map(|Version { v }| v),
        };
        match version {
            Some(version) if !(1..=CHUNK_VERSION).contains(&version) => Err(NotAChunk::OtherRelease(version)),
            _ => read.map_err(NotAChunk::Malformed),
        }
    }

    /// Writes the chunk as the text of a task.
    ///
    /// # Errors
    ///
    /// If the chunk can't be written as JSON.
    pub(crate) fn write(&self) -> Result<String, serde_json::Error> {
        // A text that grows is copied again and again.
        let room = self.events.len() * EVENT_BYTES + self.deliveries.len() * DELIVERY_BYTES + EVENT_BYTES;
        let mut text = Vec::with_capacity(room);
        serde_json::to_writer(&mut text, self)?;
        String::from_utf8(text).map_err(serde::ser::Error::custom)
    }

    /// Adds an event without its bodies, and returns its index.
    pub(crate) fn push_event(&mut self, event: ChunkEvent) -> usize {
        self.events.push(event);
        self.events.len() - 1
    }

    /// The raw events of the chunk.
    pub(crate) fn raw_events(&self) -> Vec<EventId> {
        self.events.iter().filter(|event| event.is_raw).map(|event| event.id).collect()
    }

    /// The events whose bodies only their rows have, because the chunk comes from a task.
    pub(crate) fn without_bodies(&self) -> Vec<EventId> {
        let without = self.events.iter().filter(|event| !event.is_raw && event.bodies.are_missing());
        without.map(|event| event.id).collect()
    }

    /// Encodes the stored bodies as the deliveries need them. A body that can't be encoded is left out.
    pub(crate) fn encode(&mut self, stored: &HashMap<EventId, String>) {
        for delivery in &self.deliveries {
            if let Some(event) = self.events.get_mut(delivery.event)
                && let Some(body) = stored.get(&event.id)
                && let Err(error) = event.bodies.encode(delivery.content_type, body)
            {
                tracing::error!(event.id = %event.id, %error, "the event's body can't be encoded");
            }
        }
    }

    /// The bytes of all bodies.
    pub(crate) fn bytes(&self) -> usize {
        self.events.iter().map(|event| event.bodies.bytes()).sum()
    }

    /// The id of a delivery of this chunk. `None` if the chunk lacks the delivery's event.
    #[must_use]
    pub(crate) fn delivery_id(&self, delivery: &ChunkDelivery) -> Option<DeliveryId> {
        Some(DeliveryId::derive(self.events.get(delivery.event)?.id, delivery.subscription))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_release_is_told_from_a_broken_task() {
        for other in [r#"{"v":5,"packed":"x"}"#, r#"{"v":0,"events":[],"deliveries":[]}"#] {
            assert!(matches!(Chunk::read(other), Err(NotAChunk::OtherRelease(0 | 5))), "{other}");
        }
        for broken in ["", "null", "{}", r#"{"v":1,"events":["#, r#"{"v":1}"#, r#"{"v":"1"}"#] {
            assert!(matches!(Chunk::read(broken), Err(NotAChunk::Malformed(_))), "{broken}");
        }
        assert!(Chunk::read(r#"{"v":1,"events":[],"deliveries":[]}"#).is_ok());
    }

    /// A chunk with an event of this id and a delivery.
    fn chunk(id: EventId, content_type: ContentType) -> Chunk {
        let event =
            ChunkEvent { id, name: "a.b".into(), bodies: Bodies::default(), options: None, is_raw: false, raw: None };
        let delivery = ChunkDelivery {
            event: 0,
            subscription: SubscriptionId::generate(),
            content_type,
            hook_hmac: Some("h".into()),
            attempts: 0,
            uncounted: 0,
            has_row: false,
            of_event: false,
            undecided: false,
            signed_for: None,
        };
        Chunk { version: CHUNK_VERSION, events: vec![event], deliveries: vec![delivery], check: false }
    }

    #[test]
    fn a_task_has_no_bodies_and_the_row_gives_them_back_byte_for_byte() {
        let body = r#"{"event":"a.b",  "ref":null,"sender":null,"data":"\u00e9 é"}"#;
        let form = "event=a.b&ref=&sender=&data=%C3%A9+%C3%A9";
        for (content_type, sent) in [(ContentType::Json, body), (ContentType::Form, form)] {
            let mut packed = chunk(EventId::generate(), content_type);
            assert_eq!(packed.events[0].bodies.encode(content_type, body).unwrap(), sent.len());
            assert_eq!(packed.events[0].bodies.encode(content_type, body).unwrap(), 0, "it is there");
            assert_eq!((packed.without_bodies().len(), packed.bytes()), (0, sent.len()));
            let task = packed.write().unwrap();
            assert!(!task.contains("é") && !task.contains("%C3"), "{task}");
            let mut read = Chunk::read(&task).unwrap();
            assert_eq!(read.delivery_id(&read.deliveries[0]), packed.delivery_id(&packed.deliveries[0]));
            assert_eq!(read.without_bodies(), [packed.events[0].id]);
            read.encode(&HashMap::from([(packed.events[0].id, body.to_owned())]));
            assert_eq!(read.events[0].bodies.get(content_type).unwrap(), sent);
        }
    }

    #[test]
    fn a_task_of_an_earlier_release_is_read_without_its_bodies() {
        let id = EventId::generate();
        for version in 1..CHUNK_VERSION {
            let task = chunk(id, ContentType::Json).write().unwrap();
            let earlier = task
                .replace(r#""v":4"#, &format!(r#""v":{version}"#))
                .replace(r#""name":"a.b""#, r#""name":"a.b","bodies":{"json":{"a":1}}"#);
            assert!(earlier.contains("bodies"));
            assert_eq!(Chunk::read(&earlier).unwrap().without_bodies(), [id]);
        }
    }
}
