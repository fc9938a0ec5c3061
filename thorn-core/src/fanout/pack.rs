//! Packs deliveries into chunks.

use std::collections::HashMap;

use sea_orm::prelude::Uuid;

use super::{
    chunk::{Bodies, Chunk, ChunkDelivery, ChunkEvent},
    recipient::Recipient,
};
use crate::{endpoint::Endpoints, error::Error, outbox::StoredEvent, spec::ContentType};

/// A chunk takes no further event once its bodies have this many bytes.
const BYTES_PER_CHUNK: usize = 256 * 1024;

/// A turn ends once all bodies have this many bytes, whatever room the queue has.
const BYTES_PER_TURN: usize = 32 * 1024 * 1024;

/// Fills chunks with deliveries in the order of their arrival.
///
/// Deliveries to endpoints that are known to be slow get separate chunks, and so do those whose filter is much work, so
/// that they never make other deliveries wait. All tenants share these chunks: the deliveries of a chunk don't wait for
/// one another, and with chunks of their own, thousands of slow tenants would fill the queue with an event.
pub(crate) struct Packer<'a> {
    endpoints: &'a Endpoints,
    size: usize,
    mixed: Open,
    slow: Open,
    undecided: Open,
    closed: Vec<Chunk>,
    deliveries: usize,
    /// The size of all bodies, in bytes.
    bytes: usize,
    check: bool,
}

/// The state in `thorn_delivery` of a delivery that is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// The delivery has no row: its first attempt writes it.
    Missing,
    /// The delivery had to wait. Its row is there, with this many attempts, some of which the retry policy doesn't count.
    Waiting { attempts: u32, uncounted: u32 },
}

impl Row {
    /// The attempts, and how many of them the retry policy doesn't count.
    const fn attempts(self) -> (u32, u32) {
        match self {
            Self::Missing => (0, 0),
            Self::Waiting { attempts, uncounted } => (attempts, uncounted),
        }
    }
}

/// A chunk that still takes deliveries.
struct Open {
    chunk: Chunk,
    index: HashMap<Uuid, usize>,
    bytes: usize,
}

impl<'a> Packer<'a> {
    pub(crate) fn new(endpoints: &'a Endpoints, size: usize) -> Self {
        Self {
            endpoints,
            size: size.max(1),
            mixed: Open::new(false),
            slow: Open::new(false),
            undecided: Open::new(false),
            closed: Vec::new(),
            deliveries: 0,
            bytes: 0,
            check: false,
        }
    }

    /// Marks all chunks as possibly recorded already.
    pub(crate) fn checked(mut self) -> Self {
        self.check = true;
        for open in [&mut self.mixed, &mut self.slow, &mut self.undecided] {
            *open = Open::new(true);
        }
        self
    }

    /// Signs and adds a delivery.
    ///
    /// Returns `false` if the event can never be encoded in the subscription's content type. Such a delivery must not
    /// hold up all other deliveries.
    pub(crate) fn add(&mut self, event: &StoredEvent, recipient: &Recipient, row: Row) -> Result<bool, Error> {
        let endpoint = self.endpoints.known(recipient.tenant(), &recipient.destination().url);
        let open = if recipient.is_undecided() {
            &mut self.undecided
        } else if endpoint.is_some_and(|endpoint| endpoint.is_slow()) {
            &mut self.slow
        } else {
            &mut self.mixed
        };
        // Further deliveries of an event that the chunk has already need no further body.
        if open.bytes >= BYTES_PER_CHUNK && !open.index.contains_key(&event.id.as_uuid()) {
            self.closed.push(std::mem::replace(open, Open::new(self.check)).chunk);
        }
        let before = open.bytes;
        match open.add(event, recipient, row) {
            Err(error @ Error::Payload { .. }) => {
                let subscription = recipient.id();
                tracing::error!(
                    event.id = %event.id,
                    subscription.id = %subscription,
                    %error,
                    "this event can't be sent to this subscription"
                );
                return Ok(false);
            }
            added => added?,
        }
        self.deliveries += 1;
        self.bytes += open.bytes - before;
        if open.chunk.deliveries.len() >= self.size {
            self.closed.push(std::mem::replace(open, Open::new(self.check)).chunk);
        }
        Ok(true)
    }

    pub(crate) const fn deliveries(&self) -> usize {
        self.deliveries
    }

    /// Whether there are at least `room` chunks, or as many bytes as a turn should handle.
    pub(crate) fn is_beyond(&self, room: usize) -> bool {
        let apart = [&self.slow, &self.undecided].into_iter().filter(|open| open.has_deliveries()).count();
        self.closed.len() + apart >= room || self.bytes >= BYTES_PER_TURN
    }

    /// All chunks that have deliveries.
    pub(crate) fn chunks(self) -> Vec<Chunk> {
        let open = [self.mixed, self.slow, self.undecided].into_iter().filter(Open::has_deliveries);
        self.closed.into_iter().chain(open.map(|open| open.chunk)).collect()
    }
}

impl Open {
    fn new(check: bool) -> Self {
        let chunk = Chunk { events: Vec::new(), deliveries: Vec::new(), check };
        Self { chunk, index: HashMap::new(), bytes: 0 }
    }

    const fn has_deliveries(&self) -> bool {
        !self.chunk.deliveries.is_empty()
    }

    fn add(&mut self, event: &StoredEvent, to: &Recipient, row: Row) -> Result<(), Error> {
        // The worker makes a CloudEvent of the JSON, and signs it.
        let is_cloud_event = to.dialect().is_cloud_events();
        let content_type = if is_cloud_event { ContentType::Json } else { to.destination().content_type };
        let index = match self.index.get(&event.id.as_uuid()) {
            Some(index) => *index,
            None => {
                let index = self.chunk.push_event(ChunkEvent {
                    id: event.id,
                    name: event.name.clone(),
                    bodies: Bodies::default(),
                    options: event.options.clone(),
                    is_raw: event.is_raw(),
                    raw: None,
                });
                self.index.insert(event.id.as_uuid(), index);
                self.bytes += event.raw_head().map_or(0, |head| head.size);
                index
            }
        };
        let hook_hmac = if event.is_raw() {
            // The worker reads the body and signs it. The queue carries neither.
            None
        } else {
            let bodies = &mut self.chunk.events[index].bodies;
            let unreadable = |source| Error::Payload { event: event.name.clone(), source };
            self.bytes += bodies.encode(content_type, &event.body).map_err(unreadable)?;
            let body = bodies.get(content_type).filter(|_| !is_cloud_event);
            body.and_then(|body| to.destination().signing.hook_hmac(body))
        };
        let (attempts, uncounted) = row.attempts();
        self.chunk.deliveries.push(ChunkDelivery {
            event: index,
            subscription: to.id(),
            content_type,
            hook_hmac,
            attempts,
            uncounted,
            has_row: matches!(row, Row::Waiting { .. }),
            of_event: to.subscription().is_none(),
            undecided: to.is_undecided(),
            signed_for: to.shared_subscription().cloned(),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
