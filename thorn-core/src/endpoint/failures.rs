//! The failures of an endpoint that this process has seen since its last success.

use std::{
    sync::atomic::{AtomicI64, AtomicU32, Ordering},
    time::Duration,
};

use crate::{attempt::Sign, timestamp::Timestamp};

/// How long a hold that this process began counts before the registry tells of it.
const UNTIL_KNOWN: Duration = Duration::from_secs(5);

/// The failures of an endpoint. Other processes have counts of their own.
#[derive(Debug, Default)]
pub(super) struct Failures {
    in_a_row: AtomicU32,
    /// When the first of them happened, in milliseconds.
    since: AtomicI64,
    /// Until when this process holds deliveries by itself, in milliseconds.
    held_until: AtomicI64,
}

/// Failed attempts in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Streak {
    /// How many attempts failed, with no success in between.
    pub(crate) attempts: u32,
    /// When the first of them failed.
    pub(crate) since: Timestamp,
}

impl Failures {
    /// Counts an attempt. Returns the failed attempts in a row; `None` if the attempt isn't one of them.
    pub(super) fn count(&self, sign: Sign, now: Timestamp) -> Option<Streak> {
        match sign {
            Sign::Works => {
                // Nearly every attempt succeeds after another that did, and a write would cost other cores their copy.
                if self.in_a_row.load(Ordering::Relaxed) != 0 {
                    self.in_a_row.store(0, Ordering::Relaxed);
                }
                None
            }
            Sign::RefusesEvent => None,
            Sign::Fails | Sign::TooMany | Sign::AsksFor(_) => {
                let before = self.in_a_row.fetch_add(1, Ordering::Relaxed);
                if before == 0 {
                    self.since.store(now.as_millis(), Ordering::Relaxed);
                }
                let since = Timestamp::from_millis(self.since.load(Ordering::Relaxed));
                Some(Streak { attempts: before.saturating_add(1), since })
            }
        }
    }

    /// Holds the deliveries of this process for a while, since its registry doesn't know of the hold yet.
    pub(super) fn hold(&self, until: Timestamp, now: Timestamp) {
        self.held_until.store(until.min(now + UNTIL_KNOWN).as_millis(), Ordering::Relaxed);
    }

    /// Until when this process holds deliveries by itself.
    pub(super) fn held_until(&self) -> Option<Timestamp> {
        let until = self.held_until.load(Ordering::Relaxed);
        (until != 0).then(|| Timestamp::from_millis(until))
    }

    /// Ends the hold of this process.
    pub(super) fn release(&self) {
        self.held_until.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_until_a_success() {
        let failures = Failures::default();
        let at = |seconds: u64| Timestamp::from_millis(1_000_000) + Duration::from_secs(seconds);
        let streak = |attempts, since| Some(Streak { attempts, since: at(since) });
        assert_eq!(failures.count(Sign::Fails, at(1)), streak(1, 1));
        assert_eq!(failures.count(Sign::RefusesEvent, at(2)), None);
        assert_eq!(failures.count(Sign::AsksFor(Duration::ZERO), at(3)), streak(2, 1));
        assert_eq!(failures.count(Sign::Works, at(4)), None);
        assert_eq!(failures.count(Sign::Fails, at(5)), streak(1, 5));
    }

    #[test]
    fn a_hold_of_this_process_is_short() {
        let (failures, now) = (Failures::default(), Timestamp::now());
        assert_eq!(failures.held_until(), None);
        failures.hold(now + Duration::from_secs(1), now);
        assert_eq!(failures.held_until(), Some(now + Duration::from_secs(1)));
        failures.hold(now + Duration::from_secs(3600), now);
        assert_eq!(failures.held_until(), Some(now + UNTIL_KNOWN));
        failures.release();
        assert_eq!(failures.held_until(), None);
    }
}
