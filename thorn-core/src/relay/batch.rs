//! Reads events with their bodies, never more at once than fit into memory.

use futures::TryStreamExt as _;
use sea_orm::{ConnectionTrait, QuerySelect, Select, StreamTrait};

use crate::{
    error::Error,
    outbox::StoredEvent,
    tables::event::{Entity, EventRow},
};

/// The most events of one read.
const EVENTS: u64 = 1000;

/// The fewest events of a read after a turn that had room for few.
const LEAST: u64 = 16;

/// A read ends with the event that brings it to this many bytes of bodies and options.
pub(super) const BYTES: usize = 8 * 1024 * 1024;

/// How many events the next read asks for.
///
/// A server may send all rows of a query before the reader stops, so the limit follows what recently fitted
/// into [`BYTES`] and into a turn.
#[derive(Debug)]
pub(crate) struct Batch {
    events: u64,
}

/// The result of one read.
pub(crate) struct Read {
    pub(crate) events: Vec<StoredEvent>,
    /// The bytes of their bodies and options.
    pub(crate) bytes: usize,
    /// Whether the read reached the limit of bytes.
    pub(crate) is_full: bool,
    /// Whether the query may find more events: the read reached the limit of bytes or of events.
    pub(crate) at_limit: bool,
}

impl Default for Batch {
    fn default() -> Self {
        Self { events: EVENTS }
    }
}

impl Batch {
    /// The most events of the next read.
    pub(crate) fn limit(&self) -> usize {
        usize::try_from(self.events).unwrap_or(usize::MAX)
    }

    /// Reads the events that the query finds, at most `most`.
    pub(crate) async fn read<R, C>(&mut self, db: &C, query: Select<Entity>, most: u64) -> Result<Read, Error>
    where
        R: EventRow,
        C: ConnectionTrait + StreamTrait + Send,
    {
        let limit = self.events.min(most);
        let (mut events, mut bytes) = (Vec::new(), 0);
        let mut rows = R::of(query.limit(limit)).stream(db).await?;
        while let Some(row) = rows.try_next().await? {
            let event = row.into_model();
            bytes += event.body.len() + event.options.as_ref().map_or(0, String::len);
            events.push(StoredEvent::from(event));
            if bytes >= BYTES {
                break;
            }
        }
        drop(rows);
        self.learn(events.len() as u64, limit, bytes);
        let is_full = bytes >= BYTES;
        let at_limit = is_full || events.len() as u64 == limit;
        Ok(Read { events, bytes, is_full, at_limit })
    }

    /// Notes how many of the events that were read had room in the turn.
    pub(crate) fn used(&mut self, used: usize, read: usize) {
        if used < read {
            self.events = (used as u64 * 2).clamp(LEAST, EVENTS);
        }
    }

    fn learn(&mut self, read: u64, limit: u64, bytes: usize) {
        if bytes >= BYTES {
            self.events = read;
        } else if read == limit {
            self.events = (self.events * 2).min(EVENTS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_follows_what_fitted_and_grows_once_events_are_small_again() {
        let mut batch = Batch::default();
        batch.learn(33, 500, BYTES);
        assert_eq!(batch.limit(), 33);
        batch.learn(20, 33, 1000);
        assert_eq!(batch.limit(), 33, "there were no more");
        for expected in [66, 132, 264, 528, 1000, 1000] {
            let limit = batch.events;
            batch.learn(limit, limit, 1000);
            assert_eq!(batch.events, expected);
        }
        batch.used(100, 500);
        assert_eq!(batch.limit(), 200, "each event has many recipients");
        batch.used(0, 200);
        assert_eq!(batch.limit(), 16);
        batch.learn(16, 16, 1000);
        batch.used(16, 16);
        assert_eq!(batch.limit(), 32, "each has fewer recipients now");
        batch.learn(1, 500, BYTES * 2);
        assert_eq!(batch.limit(), 1, "an event that is too large is read alone");
    }
}
