//! Counters of a worker, for its status line and for metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::attempt::{HoldReason, Outcome};

/// Counters since the start of the worker.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    relayed: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
    put_off: AtomicU64,
    holds: [AtomicU64; HoldReason::ALL.len()],
    recovered: AtomicU64,
    unannounced: AtomicU64,
}

/// The values of the counters at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Events that were fanned out.
    pub relayed: u64,
    /// Attempts that the receiver accepted.
    pub delivered: u64,
    /// Attempts that failed for any reason.
    pub failed: u64,
    /// Deliveries that were postponed because their endpoint was busy or held.
    pub put_off: u64,
    /// Holds of endpoints that keep failing or asked for a pause. Each further hold of an endpoint counts.
    pub holds: HoldCounts,
    /// Deliveries that the queue had lost and the reconciler recovered.
    pub recovered: u64,
    /// Changes of watched tables that went past the hooks, see [`watch`](crate::watch).
    pub unannounced: u64,
}

/// How many holds have begun, by their reason. A metric has the reason as a label.
///
/// # Examples
///
/// ```
/// use thorn_core::worker::Snapshot;
///
/// fn show(counters: Snapshot) {
///     for (reason, holds) in counters.holds.by_reason() {
///         println!("thorn_holds_total{{reason=\"{reason}\"}} {holds}");
///     }
/// }
/// # show(Snapshot::default());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HoldCounts([u64; HoldReason::ALL.len()]);

impl HoldCounts {
    /// The number of holds for each reason, in the order of [`HoldReason::ALL`].
    pub fn by_reason(self) -> impl Iterator<Item = (HoldReason, u64)> {
        HoldReason::ALL.into_iter().zip(self.0)
    }

    /// The number of holds for this reason.
    #[must_use]
    pub fn of(self, reason: HoldReason) -> u64 {
        self.by_reason().find(|(one, _)| *one == reason).map_or(0, |(_, holds)| holds)
    }

    /// The number of all holds.
    #[must_use]
    pub fn total(self) -> u64 {
        self.0.iter().sum()
    }
}

impl Counters {
    pub(crate) fn relayed(&self, events: usize) {
        self.relayed.fetch_add(events as u64, Relaxed);
    }

    pub(crate) fn attempted(&self, outcome: Outcome) {
        let counter = if outcome == Outcome::Delivered { &self.delivered } else { &self.failed };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn put_off(&self) {
        self.put_off.fetch_add(1, Relaxed);
    }

    pub(crate) fn held(&self, reason: HoldReason) {
        for (one, holds) in HoldReason::ALL.into_iter().zip(&self.holds) {
            holds.fetch_add(u64::from(one == reason), Relaxed);
        }
    }

    pub(crate) fn recovered(&self, deliveries: usize) {
        self.recovered.fetch_add(deliveries as u64, Relaxed);
    }

    pub(crate) fn unannounced(&self, changes: usize) {
        self.unannounced.fetch_add(changes as u64, Relaxed);
    }

    /// The values at this moment.
    #[must_use]
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            relayed: self.relayed.load(Relaxed),
            delivered: self.delivered.load(Relaxed),
            failed: self.failed.load(Relaxed),
            put_off: self.put_off.load(Relaxed),
            holds: HoldCounts(self.holds.each_ref().map(|holds| holds.load(Relaxed))),
            recovered: self.recovered.load(Relaxed),
            unannounced: self.unannounced.load(Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holds_are_counted_by_their_reason() {
        let counters = Counters::default();
        for reason in [HoldReason::Asked, HoldReason::TimedOut, HoldReason::TimedOut] {
            counters.held(reason);
        }
        let holds = counters.snapshot().holds;
        assert_eq!([HoldReason::Asked, HoldReason::TimedOut, HoldReason::Blocked].map(|one| holds.of(one)), [1, 2, 0]);
        assert_eq!((holds.total(), holds.by_reason().count()), (3, HoldReason::ALL.len()));
    }
}
