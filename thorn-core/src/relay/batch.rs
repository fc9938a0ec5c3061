//! Events read from the database with their bodies: never more at once than fit into memory.

use futures::TryStreamExt as _;
use sea_orm::{ConnectionTrait, QuerySelect, Select, StreamTrait};

use crate::{error::Error, outbox::StoredEvent, tables::event::Entity};

/// Events at once.
const EVENTS: u64 = 1000;

/// Events at once when few had room.
const LEAST: u64 = 16;

/// Reading ends with the event that makes it this many bytes of bodies and options.
const BYTES: usize = 8 * 1024 * 1024;

/// How many events to ask for: as many as there were in [`BYTES`] and in a turn lately. What a server has
/// sent by the time that reading ends is sent in vain.
#[derive(Debug)]
pub(crate) struct Batch {
    events: u64,
}

/// Events that were read.
pub(crate) struct Read {
    pub(crate) events: Vec<StoredEvent>,
    /// Whether there was no room for more.
    pub(crate) is_full: bool,
    /// Whether there may be more than these, for that or because no more were asked for.
    pub(crate) at_limit: bool,
}

impl Default for Batch {
    fn default() -> Self {
        Self { events: EVENTS }
    }
}

impl Batch {
    /// How many events the next reading takes at most.
    pub(crate) fn limit(&self) -> usize {
        usize::try_from(self.events).unwrap_or(usize::MAX)
    }

    /// Reads what the query finds, `most` events at most.
    pub(crate) async fn read<C>(&mut self, db: &C, query: Select<Entity>, most: u64) -> Result<Read, Error>
    where
        C: ConnectionTrait + StreamTrait + Send,
    {
        let limit = self.events.min(most);
        let (mut events, mut bytes) = (Vec::new(), 0);
        let mut rows = query.limit(limit).stream(db).await?;
        while let Some(event) = rows.try_next().await? {
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
        Ok(Read { events, is_full, at_limit })
    }

    /// Tells how many of the events that were read had room in the turn.
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
    fn as_many_are_asked_for_as_fitted_before_and_more_once_they_are_small_again() {
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
        assert_eq!(batch.limit(), 200, "each is for many");
        batch.used(0, 200);
        assert_eq!(batch.limit(), 16);
        batch.learn(16, 16, 1000);
        batch.used(16, 16);
        assert_eq!(batch.limit(), 32, "and now for fewer");
        batch.learn(1, 500, BYTES * 2);
        assert_eq!(batch.limit(), 1, "one that is too large is read alone");
    }
}
