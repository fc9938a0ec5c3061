//! Endpoints: the URLs that deliveries go to, and the state that this process keeps for each.

mod descriptors;
mod entry;
mod failures;
#[cfg(test)]
mod fixture;
mod gate;
mod held_here;
mod interned;
mod lane;
mod limited;
mod pace;
mod rooms;
mod throttle;
mod trust;

pub(crate) use descriptors::idle_at_once;
pub use descriptors::raise_descriptor_limit;
pub(crate) use entry::{Entry, Permit};
pub(crate) use failures::Streak;
pub(crate) use gate::{NEW, NEW_AT_ONCE, Turn};
pub(crate) use interned::Endpoints;
pub(crate) use lane::Place;
pub(crate) use limited::Limited;
pub(crate) use pace::{Slot, forget_slowing};
pub(crate) use rooms::Rooms;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Semaphore;
use url::{ParseError, Url};

use self::{failures::Failures, gate::Gate, held_here::HeldHere, lane::Lane, throttle::Throttle, trust::Trust};
use crate::{attempt::Sign, timestamp::Timestamp};

/// A URL that a tenant's deliveries go to. [`Endpoints`] holds one shared `Endpoint` for each tenant and URL as it was
/// given.
#[derive(Debug)]
pub(crate) struct Endpoint {
    parsed: Result<Url, ParseError>,
    /// Shared by all endpoints of one origin.
    gate: Option<Arc<Gate>>,
    /// Shared by all tenants and all spellings of one URL.
    lane: Arc<Lane>,
    /// Shared by all URLs of the tenant that aren't known to answer quickly.
    tenant: Arc<Lane>,
    /// Shared by all URLs of an owner, and by all owners' URLs of the host, however quickly they answer. `None` for the
    /// operator, whom no one else pays for.
    owner: Option<[Arc<Lane>; 2]>,
    /// Shared by all tenants' endpoints of the host that aren't known to answer quickly.
    host: Arc<Lane>,
    /// Shared by all endpoints of the process that aren't known to answer quickly.
    process: Arc<Lane>,
    /// The requests that the process may still begin.
    in_flight: Arc<Semaphore>,
    /// Whether the next request opens a new connection.
    is_distrusted: AtomicBool,
    /// Kept connections that were opened before this time aren't used, in milliseconds.
    connections_since: AtomicI64,
    /// Whether its responses have many header lines.
    has_long_heads: AtomicBool,
    trust: Trust,
    /// Whether deliveries were held when this process last looked.
    was_held: AtomicBool,
    held_here: HeldHere,
    failures: Failures,
    throttle: Throttle,
    /// How many deliveries this process has kept for paused subscriptions.
    kept: AtomicU64,
}

impl Endpoint {
    /// The parsed URL. It is parsed only once, because parsing costs more than all other checks of a delivery.
    pub(crate) const fn parsed(&self) -> &Result<Url, ParseError> {
        &self.parsed
    }

    /// Waits until a request to the endpoint's origin may begin. `None` if the endpoint's URL can't be parsed.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        self.gate.as_ref()?.turn().await
    }

    /// Tells the lanes how many due deliveries the relay puts on the queue.
    pub(crate) fn expect(&self, deliveries: usize) {
        self.lanes().for_each(|lane| lane.expect(deliveries));
    }

    /// The lanes that a delivery must enter.
    fn lanes(&self) -> impl Iterator<Item = &Arc<Lane>> {
        let shared = (!self.lane.is_quick()).then_some([&self.tenant, &self.host, &self.process]);
        let own = std::iter::once(&self.lane).chain(self.wary_lane()).chain(self.owner.iter().flatten());
        own.chain(shared.into_iter().flatten())
    }

    /// Notes that a request failed, maybe because its connection leads to a machine that no longer serves the host. The
    /// next request opens a new connection, for which the host's name is resolved again.
    pub(crate) fn distrust_connections(&self) {
        self.is_distrusted.store(true, Ordering::Relaxed);
    }

    /// Notes that the endpoint's origin has answered on a connection that may be kept.
    pub(crate) fn answered(&self, now: Timestamp) {
        if let Some(gate) = &self.gate {
            gate.answered(now);
        }
    }

    /// Whether a request that broke off may have come on a kept connection, if connections are kept for this time.
    pub(crate) fn may_keep_connection(&self, kept: Duration, now: Timestamp) -> bool {
        self.gate.as_ref().is_some_and(|gate| gate.has_answered_within(kept, now))
    }

    /// Whether the endpoint has sent a response with many header lines.
    pub(crate) fn has_long_heads(&self) -> bool {
        self.has_long_heads.load(Ordering::Relaxed)
    }

    /// Notes that the endpoint sends responses with many header lines.
    pub(crate) fn expect_long_heads(&self) {
        self.has_long_heads.store(true, Ordering::Relaxed);
    }

    /// Whether the request that asks must open a new connection.
    pub(crate) fn takes_new_connection(&self) -> bool {
        self.is_distrusted.load(Ordering::Relaxed) && self.is_distrusted.swap(false, Ordering::Relaxed)
    }

    /// Notes that a new connection works, though a request before failed. The connections that were open before may lead to
    /// a machine that no longer serves the host.
    pub(crate) fn leave_old_connections(&self, now: Timestamp) {
        self.connections_since.store(now.as_millis(), Ordering::Relaxed);
    }

    /// The time from which on a kept connection must have been opened.
    pub(crate) fn connections_since(&self) -> Timestamp {
        Timestamp::from_millis(self.connections_since.load(Ordering::Relaxed))
    }

    /// Counts an attempt. Returns the failed attempts in a row; `None` if the attempt isn't one of them.
    pub(crate) fn count(&self, sign: Sign, now: Timestamp) -> Option<Streak> {
        self.failures.count(sign, now)
    }

    /// Holds the deliveries of this process until its registry knows of the hold.
    pub(crate) fn hold(&self, until: Timestamp, now: Timestamp) {
        self.failures.hold(until, now);
    }

    /// Until when this process holds deliveries that its registry would let through.
    pub(crate) fn held_until(&self) -> Option<Timestamp> {
        self.failures.held_until()
    }

    /// Notes that a delivery has been held, here or by another process.
    pub(crate) fn note_hold(&self) {
        self.was_held.store(true, Ordering::Relaxed);
    }

    /// Lets deliveries through again if they have been held: one at first, and then twice as many with each success.
    pub(crate) fn recover(&self) {
        if self.was_held.load(Ordering::Relaxed) && self.was_held.swap(false, Ordering::Relaxed) {
            self.failures.release();
            self.lane.recover();
        }
    }

    /// Counts a delivery that is kept for a paused subscription. Returns how many were kept before.
    pub(crate) fn kept_before(&self) -> u64 {
        self.kept.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether the endpoint is slow, or may be slow like others of its tenant or host, so that its deliveries should be
    /// queued apart from others.
    pub(crate) fn is_slow(&self) -> bool {
        self.lane.is_slow() || (!self.lane.is_quick() && (self.tenant.is_slow() || self.host.is_slow()))
    }
}
