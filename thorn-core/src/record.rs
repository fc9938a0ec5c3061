//! What came of each delivery: rows of `thorn_delivery`, and of `thorn_attempt` for what came before.
//!
//! A delivery's row is written once, when its first attempt is known. It is written again only for
//! a retry, and what it held then moves to `thorn_attempt`. A delivery that must wait is a row with
//! a due time, never something delayed in the queue.

mod delivered;
mod insert;
mod recorder;
mod refused;
mod write;

pub(crate) use recorder::Recorder;
pub(crate) use write::{already_recorded, write};

use tokio::time::Instant;

use crate::{
    attempt::{Attempt, DeliveryState},
    clock::{Clock, Jump},
    id::{DeliveryId, EventId, SubscriptionId},
    rendered::RenderedEvent,
    timestamp::Timestamp,
};

/// What is to be written about one delivery.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) delivery: DeliveryId,
    pub(crate) event: EventId,
    pub(crate) subscription: SubscriptionId,
    pub(crate) state: DeliveryState,
    /// Attempts made, this one included.
    pub(crate) attempts: u32,
    pub(crate) next_attempt_at: Option<Timestamp>,
    /// The attempt just made; `None` if it had to wait or was cancelled.
    pub(crate) attempt: Option<Attempt>,
    /// Why there was no attempt.
    pub(crate) note: Option<&'static str>,
    /// Whether the delivery has a row already.
    pub(crate) has_row: bool,
    pub(crate) now: Timestamp,
    /// The same moment by the clock that nobody sets.
    pub(crate) since: Instant,
    /// An event of thorn's own about it, written in the same transaction.
    pub(crate) announcement: Option<RenderedEvent>,
}

impl Record {
    /// Moves the due time along if the clock was set since the attempt: what waits in the table is moved
    /// when a relay sees that, and this one isn't there yet.
    fn follow_clock(&mut self, day: Timestamp, since: Instant) {
        if let Some(due) = self.next_attempt_at
            && let Some(jump) = Clock::new(self.now, self.since).observe(day, since)
        {
            self.next_attempt_at = Some(match jump {
                Jump::Forward(by) => due + by,
                Jump::Backward(by) => due - by,
            });
            (self.now, self.since) = (day, since);
        }
    }

    /// Leaves out what isn't needed to go on, and says whether there was any.
    fn shorten(&mut self) -> bool {
        let announced = self.announcement.take().is_some();
        let answered = self.attempt.as_mut().and_then(|attempt| attempt.response.take()).is_some();
        let explained = self.attempt.as_mut().and_then(|attempt| attempt.error.take()).is_some();
        announced || answered || explained
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_due_time_follows_a_clock_that_is_set_before_it_is_written() {
        let (now, since) = (Timestamp::from_millis(10_000_000), Instant::now());
        let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
        let event = EventId::generate();
        let subscription = SubscriptionId::generate();
        let record = Record {
            delivery: DeliveryId::derive(event, subscription),
            event,
            subscription,
            state: DeliveryState::Waiting,
            attempts: 1,
            next_attempt_at: Some(now + second * 5),
            attempt: None,
            note: None,
            has_row: false,
            now,
            since,
            announcement: None,
        };
        let due = |day: Timestamp| {
            let mut record = record.clone();
            record.follow_clock(day, since + second);
            // Once is enough.
            record.follow_clock(day, since + second);
            record.next_attempt_at
        };
        assert_eq!(due(now + second), Some(now + second * 5), "nobody set it");
        assert_eq!(due(now + second + hour), Some(now + hour + second * 5));
        assert_eq!(due(now + second - hour), Some(now - hour + second * 5));
    }
}
