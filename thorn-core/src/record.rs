//! The results of deliveries: `thorn_delivery` has each delivery's last attempt, `thorn_attempt` the earlier
//! ones.
//!
//! A delivery's row is inserted after its first attempt. Only a retry updates it, and the attempt that the
//! row held moves to `thorn_attempt`. A delivery that must wait is a row with a due time, never a delayed
//! task in the queue.

mod already_recorded;
mod delivered;
mod insert;
mod recorder;
mod refused;
mod write;

pub(crate) use already_recorded::already_recorded;
pub(crate) use recorder::Recorder;
pub(crate) use write::write;

use tokio::time::Instant;

use crate::{
    attempt::{Attempt, DeliveryState},
    clock::{Clock, Jump},
    id::{DeliveryId, EventId, SubscriptionId},
    rendered::RenderedEvent,
    subscription::UNTIL_RESUMED,
    timestamp::Timestamp,
};

/// The new state of one delivery, to be written.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) delivery: DeliveryId,
    pub(crate) event: EventId,
    pub(crate) subscription: SubscriptionId,
    pub(crate) state: DeliveryState,
    /// The number of attempts, including this one.
    pub(crate) attempts: u32,
    /// The attempts that the retry policy doesn't count.
    pub(crate) uncounted: u32,
    pub(crate) next_attempt_at: Option<Timestamp>,
    /// The attempt just made; `None` if the delivery had to wait or was cancelled.
    pub(crate) attempt: Option<Attempt>,
    /// Why no attempt was made.
    pub(crate) note: Option<&'static str>,
    /// Whether `thorn_delivery` has a row for it.
    pub(crate) has_row: bool,
    pub(crate) now: Timestamp,
    /// The same moment on the monotonic clock.
    pub(crate) since: Instant,
    /// Events of thorn's own about the delivery, written in the same transaction.
    pub(crate) announcements: Vec<RenderedEvent>,
}

impl Record {
    /// Moves the due time if the clock was set since the attempt.
    ///
    /// A relay that notices moves the due times in the table, and this record isn't there yet.
    fn follow_clock(&mut self, day: Timestamp, since: Instant) {
        if let Some(due) = self.next_attempt_at
            && due < UNTIL_RESUMED
            && let Some(jump) = Clock::new(self.now, self.since).observe(day, since)
        {
            self.next_attempt_at = Some(match jump {
                Jump::Forward(by) => due + by,
                Jump::Backward(by) => due - by,
            });
            (self.now, self.since) = (day, since);
        }
    }

    /// The attempt, if one was made, with what the sums need to know about it.
    fn attempted(&self) -> Option<(SubscriptionId, &Attempt, DeliveryState, Timestamp)> {
        self.attempt.as_ref().map(|attempt| (self.subscription, attempt, self.state, self.now))
    }

    /// Drops the announcements and the texts, which the delivery doesn't need. Returns whether it had any.
    fn shorten(&mut self) -> bool {
        let announced = !std::mem::take(&mut self.announcements).is_empty();
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
            uncounted: 0,
            next_attempt_at: Some(now + second * 5),
            attempt: None,
            note: None,
            has_row: false,
            now,
            since,
            announcements: Vec::new(),
        };
        let due = |day: Timestamp| {
            let mut record = record.clone();
            record.follow_clock(day, since + second);
            // A second call must change nothing.
            record.follow_clock(day, since + second);
            record.next_attempt_at
        };
        assert_eq!(due(now + second), Some(now + second * 5), "the clock wasn't set");
        assert_eq!(due(now + second + hour), Some(now + hour + second * 5));
        assert_eq!(due(now + second - hour), Some(now - hour + second * 5));
    }
}
