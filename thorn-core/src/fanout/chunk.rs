//! A task: a chunk of deliveries, each of which succeeds or fails alone.

use std::{borrow::Cow, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::recipient::Recipient;
use crate::{
    id::{DeliveryId, EventId, SubscriptionId},
    rendered::{EventOptions, RawBody, RawHead, TopicHead},
    spec::ContentType,
    subscription::Subscription,
};

/// The version that this release writes. A worker that meets another version leaves the task's deliveries to the
/// reconciler of the release that can read the task.
pub(crate) const CHUNK_VERSION: u32 = 1;

/// The version of a chunk with a raw event. A worker that doesn't know raw events would send them without a body.
const RAW_CHUNK_VERSION: u32 = 2;

/// The version of a chunk with a version of a hub's topic. A worker that doesn't know the hub would send it in another form.
const TOPIC_CHUNK_VERSION: u32 = 3;

/// About how many bytes an event has in a task, its bodies not counted.
const EVENT_BYTES: usize = 128;

/// About how many bytes a delivery has in a task.
const DELIVERY_BYTES: usize = 160;

/// Deliveries of one or many events, with each event's body once per content type.
///
/// A chunk carries no secret. The worker looks up URL and secret at the moment of sending, so that an edit or a
/// deletion of the subscription takes effect at once.
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

/// The event's body in each content type that a delivery of the chunk needs.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Bodies {
    /// JSON, byte for byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) json: Option<Box<RawValue>>,
    /// Form-urlencoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) form: Option<String>,
    /// The bodies to send, once `take_out` has moved them here from the other fields.
    #[serde(skip)]
    sent: [Option<Bytes>; 2],
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
    /// The body in this content type, if the chunk carries it.
    #[must_use]
    pub(crate) fn get(&self, content_type: ContentType) -> Option<&str> {
        match content_type {
            ContentType::Json => self.json.as_deref().map(RawValue::get),
            ContentType::Form => self.form.as_deref(),
        }
    }

    /// Takes the bodies out, so that any number of requests can share them without a copy.
    pub(crate) fn take_out(&mut self) {
        let json = self.json.take().map(|raw| String::from(Box::<str>::from(raw)).into());
        self.sent = [json, self.form.take().map(Bytes::from)];
    }

    /// A body that was [taken out](Self::take_out).
    pub(crate) fn sent(&self, content_type: ContentType) -> Option<Bytes> {
        let [json, form] = &self.sent;
        match content_type {
            ContentType::Json => json.clone(),
            ContentType::Form => form.clone(),
        }
    }

    /// Adds a body.
    ///
    /// # Errors
    ///
    /// If the content type is JSON and the text isn't JSON.
    pub(crate) fn set(&mut self, content_type: ContentType, body: Cow<'_, str>) -> Result<(), serde_json::Error> {
        match content_type {
            ContentType::Json => self.json = Some(RawValue::from_string(body.into_owned())?),
            ContentType::Form => self.form = Some(body.into_owned()),
        }
        Ok(())
    }
}

/// The reason why a task can't be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAChunk {
    #[error("a task of another release, with version {0} instead of {CHUNK_VERSION} to {TOPIC_CHUNK_VERSION}")]
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
            Some(version) if !(CHUNK_VERSION..=TOPIC_CHUNK_VERSION).contains(&version) => {
                Err(NotAChunk::OtherRelease(version))
            }
            _ => read.map_err(NotAChunk::Malformed),
        }
    }

    /// Writes the chunk as the text of a task.
    ///
    /// # Errors
    ///
    /// If the chunk can't be written as JSON.
    pub(crate) fn write(&self) -> Result<String, serde_json::Error> {
        let bodies = |event: &ChunkEvent| {
            [ContentType::Json, ContentType::Form].map(|kind| event.bodies.get(kind).map_or(0, str::len))
        };
        let bodies: usize = self.events.iter().flat_map(bodies).sum();
        // A text that grows is copied again and again.
        let room = bodies + self.events.len() * EVENT_BYTES + self.deliveries.len() * DELIVERY_BYTES + EVENT_BYTES;
        let mut text = Vec::with_capacity(room);
        serde_json::to_writer(&mut text, self)?;
        String::from_utf8(text).map_err(serde::ser::Error::custom)
    }

    /// Adds an event without its bodies, and returns its index.
    pub(crate) fn push_event(&mut self, event: ChunkEvent) -> usize {
        if event.is_raw {
            let version = if event.topic().is_some() { TOPIC_CHUNK_VERSION } else { RAW_CHUNK_VERSION };
            self.version = self.version.max(version);
        }
        self.events.push(event);
        self.events.len() - 1
    }

    /// The raw events of the chunk.
    pub(crate) fn raw_events(&self) -> Vec<EventId> {
        self.events.iter().filter(|event| event.is_raw).map(|event| event.id).collect()
    }

    /// Prepares the bodies of all events for sending.
    pub(crate) fn take_bodies_out(&mut self) {
        self.events.iter_mut().for_each(|event| event.bodies.take_out());
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
        for other in [r#"{"v":4,"packed":"x"}"#, r#"{"v":0,"events":[],"deliveries":[]}"#] {
            assert!(matches!(Chunk::read(other), Err(NotAChunk::OtherRelease(0 | 4))), "{other}");
        }
        for broken in ["", "null", "{}", r#"{"v":1,"events":["#, r#"{"v":1}"#, r#"{"v":"1"}"#] {
            assert!(matches!(Chunk::read(broken), Err(NotAChunk::Malformed(_))), "{broken}");
        }
        assert!(Chunk::read(r#"{"v":1,"events":[],"deliveries":[]}"#).is_ok());
    }

    #[test]
    fn bodies_survive_the_queue_byte_for_byte() {
        let body = r#"{"b":1,  "a":"\u00e9 é","n":1.10}"#;
        let mut bodies = Bodies::default();
        bodies.set(ContentType::Json, Cow::Borrowed(body)).unwrap();
        let event =
            ChunkEvent { id: EventId::generate(), name: "a.b".into(), bodies, options: None, is_raw: false, raw: None };
        let delivery = ChunkDelivery {
            event: 0,
            subscription: SubscriptionId::generate(),
            content_type: ContentType::Json,
            hook_hmac: Some("h".into()),
            attempts: 0,
            uncounted: 0,
            has_row: false,
            of_event: false,
            undecided: false,
            signed_for: None,
        };
        let chunk = Chunk { version: CHUNK_VERSION, events: vec![event], deliveries: vec![delivery], check: false };
        let read: Chunk = Chunk::read(&chunk.write().unwrap()).unwrap();
        assert_eq!(read.events[0].bodies.get(ContentType::Json), Some(body));
        assert_eq!(read.delivery_id(&read.deliveries[0]), chunk.delivery_id(&chunk.deliveries[0]));
    }
}
