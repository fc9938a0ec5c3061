//! What a worker has done, for its status line and for metrics.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::attempt::Outcome;

/// Counts since the worker was started.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    relayed: AtomicU64,
    delivered: AtomicU64,
    failed: AtomicU64,
    put_off: AtomicU64,
    recovered: AtomicU64,
}

/// The counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Events fanned out.
    pub relayed: u64,
    /// Attempts the receiver took.
    pub delivered: u64,
    /// Attempts that failed, whatever the reason.
    pub failed: u64,
    /// Deliveries that waited because their endpoint was busy.
    pub put_off: u64,
    /// Deliveries that the queue had lost and the reconciler found.
    pub recovered: u64,
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

    /// The counts at this moment.
    #[must_use]
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            relayed: self.relayed.load(Relaxed),
            delivered: self.delivered.load(Relaxed),
            failed: self.failed.load(Relaxed),
            put_off: self.put_off.load(Relaxed),
            recovered: self.recovered.load(Relaxed),
        }
    }
}
