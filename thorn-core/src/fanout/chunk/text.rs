//! The text of a task: a chunk as JSON, in columns.
//!
//! A queue in the database writes the text several times, and a task of a hundred deliveries in rows with ids as UUIDs had
//! 17 KB. So names and subscriptions stand there once, ids as base64, and what is rare apart from the rest.

use std::{borrow::Cow, collections::BTreeMap};

use sea_orm::prelude::Uuid;
use serde::{Deserialize, Serialize, de::Error as _};

use self::ids::Ids;
use super::{Bodies, Chunk, ChunkDelivery, ChunkEvent};
use crate::{
    id::{EventId, SubscriptionId},
    rendered::EventOptions,
    spec::ContentType,
};

mod ids;

/// The version that this release writes. A worker that meets a later version leaves the task's deliveries to the
/// reconciler of the release that can read the task.
///
/// Up to version 4, a task is a chunk in rows. Up to version 3, these have the bodies of their events, which are passed over,
/// since the events' rows have them.
const VERSION: u32 = 5;

/// The last version in rows.
const LAST_IN_ROWS: u32 = 4;

/// About how many bytes an event has in a task, and a delivery.
const EVENT_BYTES: usize = 24;
const DELIVERY_BYTES: usize = 60;

/// A chunk in columns.
#[derive(Serialize, Deserialize)]
struct Text<'a> {
    #[serde(rename = "v")]
    version: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    check: bool,
    events: Ids,
    /// Names, each with the number of events in a row that have it.
    names: Vec<(Cow<'a, str>, usize)>,
    /// The rare properties of events, by their places in the chunk.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    of_events: BTreeMap<usize, OfEvent<'a>>,
    /// Each subscription once.
    subscriptions: Ids,
    /// The places of a delivery's event and of its subscription, and the `Hook-HMAC`.
    deliveries: Vec<(usize, usize, Option<Cow<'a, str>>)>,
    /// The rare properties of deliveries, by their places in the chunk.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    of_deliveries: BTreeMap<usize, OfDelivery>,
}

#[derive(Default, Serialize, Deserialize)]
struct OfEvent<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    options: Option<Cow<'a, EventOptions>>,
    #[serde(default, rename = "raw", skip_serializing_if = "std::ops::Not::not")]
    is_raw: bool,
}

/// Properties that most deliveries have by default.
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct OfDelivery {
    #[serde(rename = "c", skip_serializing_if = "is_default")]
    content_type: ContentType,
    #[serde(rename = "n", skip_serializing_if = "is_default")]
    attempts: u32,
    #[serde(rename = "f", skip_serializing_if = "is_default")]
    uncounted: u32,
    #[serde(rename = "r", skip_serializing_if = "is_default")]
    has_row: bool,
    #[serde(rename = "o", skip_serializing_if = "is_default")]
    of_event: bool,
    #[serde(rename = "u", skip_serializing_if = "is_default")]
    undecided: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The reason why a task can't be run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAChunk {
    #[error("a task of another release, with version {0} instead of 1 to {VERSION}")]
    OtherRelease(u32),
    #[error("a task that is no chunk ({0})")]
    Malformed(serde_json::Error),
}

impl Chunk {
    /// Reads a task's text. In a later version, everything but `v` may have another format.
    pub(crate) fn read(task: &str) -> Result<Self, NotAChunk> {
        #[derive(Deserialize)]
        struct Version {
            v: u32,
        }
        let read = match serde_json::from_str::<Text<'_>>(task) {
            Ok(text) if text.version == VERSION => text.unpack(),
            Ok(text) => return Err(NotAChunk::OtherRelease(text.version)),
            Err(error) => match serde_json::from_str(task) {
                Ok(Version { v: VERSION }) | Err(_) => Err(error),
                Ok(Version { v: 1..=LAST_IN_ROWS }) => serde_json::from_str(task),
                Ok(Version { v }) => return Err(NotAChunk::OtherRelease(v)),
            },
        };
        read.map_err(NotAChunk::Malformed)
    }

    /// Writes the chunk as the text of a task.
    ///
    /// # Errors
    ///
    /// If the chunk can't be written as JSON.
    pub(crate) fn write(&self) -> Result<String, serde_json::Error> {
        // A text that grows is copied again and again.
        let room = self.events.len() * EVENT_BYTES + self.deliveries.len() * DELIVERY_BYTES + 2 * EVENT_BYTES;
        let mut text = Vec::with_capacity(room);
        serde_json::to_writer(&mut text, &Text::pack(self))?;
        String::from_utf8(text).map_err(serde::ser::Error::custom)
    }
}

impl<'a> Text<'a> {
    fn pack(chunk: &'a Chunk) -> Self {
        let mut names: Vec<(Cow<'a, str>, usize)> = Vec::new();
        let mut of_events = BTreeMap::new();
        for (place, event) in chunk.events.iter().enumerate() {
            match names.last_mut() {
                Some((name, events)) if *name == event.name => *events += 1,
                _ => names.push((Cow::Borrowed(&event.name), 1)),
            }
            if event.is_raw || event.options.is_some() {
                let options = event.options.as_ref().map(Cow::Borrowed);
                of_events.insert(place, OfEvent { options, is_raw: event.is_raw });
            }
        }
        let mut subscriptions: Vec<Uuid> = chunk.deliveries.iter().map(|one| one.subscription.as_uuid()).collect();
        subscriptions.sort_unstable();
        subscriptions.dedup();
        let (mut deliveries, mut of_deliveries) = (Vec::with_capacity(chunk.deliveries.len()), BTreeMap::new());
        for (place, delivery) in chunk.deliveries.iter().enumerate() {
            // It is there, since all of them were collected.
            let subscription = subscriptions.partition_point(|id| *id < delivery.subscription.as_uuid());
            deliveries.push((delivery.event, subscription, delivery.hook_hmac.as_deref().map(Cow::Borrowed)));
            let rare = OfDelivery::from(delivery);
            if !is_default(&rare) {
                of_deliveries.insert(place, rare);
            }
        }
        let events = Ids(chunk.events.iter().map(|event| event.id.as_uuid()).collect());
        let subscriptions = Ids(subscriptions);
        let (version, check) = (VERSION, chunk.check);
        Self { version, check, events, names, of_events, subscriptions, deliveries, of_deliveries }
    }

    fn unpack(mut self) -> Result<Chunk, serde_json::Error> {
        let missing = |what| serde_json::Error::custom(format_args!("{what} is missing"));
        let mut names = self.names.iter().flat_map(|(name, events)| std::iter::repeat_n(name, *events));
        let event = |(place, id)| {
            let OfEvent { options, is_raw } = self.of_events.remove(&place).unwrap_or_default();
            Ok(ChunkEvent {
                id: EventId::from_uuid(id),
                name: names.next().ok_or_else(|| missing("an event's name"))?.to_string(),
                bodies: Bodies::default(),
                options: options.map(Cow::into_owned),
                is_raw,
                raw: None,
            })
        };
        let events = self.events.0.into_iter().enumerate().map(event).collect::<Result<_, serde_json::Error>>()?;
        let delivery = |(place, (event, subscription, hook_hmac)): (_, (_, usize, Option<Cow<'_, str>>))| {
            let rare = self.of_deliveries.get(&place).copied().unwrap_or_default();
            let subscription = self.subscriptions.0.get(subscription).ok_or_else(|| missing("a subscription"))?;
            Ok(ChunkDelivery {
                event,
                subscription: SubscriptionId::from_uuid(*subscription),
                content_type: rare.content_type,
                hook_hmac: hook_hmac.map(Cow::into_owned),
                attempts: rare.attempts,
                uncounted: rare.uncounted,
                has_row: rare.has_row,
                of_event: rare.of_event,
                undecided: rare.undecided,
                signed_for: None,
            })
        };
        let deliveries =
            self.deliveries.into_iter().enumerate().map(delivery).collect::<Result<_, serde_json::Error>>();
        Ok(Chunk { events, deliveries: deliveries?, check: self.check })
    }
}

impl From<&ChunkDelivery> for OfDelivery {
    fn from(delivery: &ChunkDelivery) -> Self {
        let ChunkDelivery { content_type, attempts, uncounted, has_row, of_event, undecided, .. } = *delivery;
        Self { content_type, attempts, uncounted, has_row, of_event, undecided }
    }
}

#[cfg(test)]
mod tests;
