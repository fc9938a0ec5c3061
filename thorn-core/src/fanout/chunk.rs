//! A task: a chunk of deliveries, each of which succeeds or fails alone.

mod text;

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::Deserialize;

use super::{encode::encode_body, recipient::Recipient};
use crate::{
    id::{DeliveryId, EventId, SubscriptionId},
    rendered::{EventOptions, RawBody, RawHead, TopicHead},
    spec::ContentType,
    subscription::Subscription,
};

/// Deliveries of one or many events, with each event's body once per content type.
///
/// A task carries neither the bodies nor a secret. The process whose relay packed the chunk still has the bodies, and
/// another one reads them from the events' rows. The worker looks up URL and secret at the moment of sending, so that an
/// edit or a deletion of the subscription takes effect at once.
#[derive(Debug, Deserialize)]
pub(crate) struct Chunk {
    /// The events that are delivered.
    pub(crate) events: Vec<ChunkEvent>,
    /// Deliveries, each with its event and its subscription.
    pub(crate) deliveries: Vec<ChunkDelivery>,
    /// Whether some deliveries may be recorded already. The worker then looks for their records first.
    #[serde(default)]
    pub(crate) check: bool,
}

/// An event with the data that its deliveries need.
#[derive(Debug, Deserialize)]
pub(crate) struct ChunkEvent {
    pub(crate) id: EventId,
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) bodies: Bodies,
    /// The options of the event's deliveries. `None` stands for the defaults.
    #[serde(default)]
    pub(crate) options: Option<EventOptions>,
    /// Whether the event is raw. The worker then reads its body from the database.
    #[serde(default, rename = "raw")]
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
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ChunkDelivery {
    /// Index into the chunk's events.
    #[serde(rename = "e")]
    pub(crate) event: usize,
    /// The subscription that gets the delivery.
    #[serde(rename = "s")]
    pub(crate) subscription: SubscriptionId,
    /// The content type of the body that was signed.
    #[serde(rename = "c", default)]
    pub(crate) content_type: ContentType,
    /// The `Hook-HMAC` of the body, computed by the relay. `None` if the subscription is unsigned.
    #[serde(rename = "h", default)]
    pub(crate) hook_hmac: Option<String>,
    /// The number of attempts made before this one.
    #[serde(rename = "n", default)]
    pub(crate) attempts: u32,
    /// The number of those attempts that the retry policy doesn't count.
    #[serde(rename = "f", default)]
    pub(crate) uncounted: u32,
    /// Whether the delivery has a row already, because it had to wait.
    #[serde(rename = "r", default)]
    pub(crate) has_row: bool,
    /// Whether the delivery goes to a subscriber that the event brought. Only the event's row holds this subscriber.
    #[serde(rename = "o", default)]
    pub(crate) of_event: bool,
    /// Whether the subscription's filter is still to be evaluated.
    #[serde(rename = "u", default)]
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

impl Chunk {
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
