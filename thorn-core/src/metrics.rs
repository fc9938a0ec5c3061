//! Counters of a worker, for its status line and for metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::attempt::Outcome;

/// Counters since the start of the worker.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    relayed: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
    put_off: AtomicU64,
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
    /// Deliveries that the queue had lost and the reconciler recovered.
    pub recovered: u64,
    /// Changes of watched tables that went past the hooks, see [`watch`](crate::watch).
    pub unannounced: u64,
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
            recovered: self.recovered.load(Relaxed),
            unannounced: self.unannounced.load(Relaxed),
        }
    }
}
