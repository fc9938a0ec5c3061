//! Holds that only this process knows: of endpoints that events brought. The registry has no row to note them in.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use super::Endpoint;
use crate::timestamp::Timestamp;

/// The hold of an endpoint in this process.
#[derive(Debug, Default)]
pub(super) struct HeldHere {
    /// In milliseconds.
    until: AtomicI64,
    /// The holds since the last success.
    holds: AtomicU32,
}

impl Endpoint {
    /// Until when this process holds deliveries of recipients that events brought.
    pub(crate) fn held_here_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = Timestamp::from_millis(self.held_here.until.load(Ordering::Relaxed));
        (until > now).then_some(until)
    }

    /// How many holds have begun here since the last success. `None` without one.
    pub(crate) fn holds_here(&self) -> Option<u32> {
        Some(self.held_here.holds.load(Ordering::Relaxed)).filter(|holds| *holds > 0)
    }

    /// Begins a hold. After it, one delivery is tried at first, and then twice as many with each success.
    pub(crate) fn hold_here(&self, until: Timestamp) {
        self.held_here.until.store(until.as_millis(), Ordering::Relaxed);
        self.held_here.holds.fetch_add(1, Ordering::Relaxed);
        self.lane.recover();
    }

    /// Ends the series of holds, because the endpoint works.
    pub(crate) fn release_here(&self) {
        if self.held_here.holds.load(Ordering::Relaxed) != 0 {
            self.held_here.holds.store(0, Ordering::Relaxed);
            self.held_here.until.store(0, Ordering::Relaxed);
        }
    }
}
