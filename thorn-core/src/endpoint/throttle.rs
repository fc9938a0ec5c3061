//! Endpoints that answer 429 without saying how long to wait: each process gives them a pause, and few requests at once.
//!
//! It holds for one tenant's URL and in this process only. So it costs the database nothing, and a receiver that refuses
//! one owner's requests slows nobody else's.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use super::{
    Endpoint,
    lane::{Lane, Size},
};
use crate::timestamp::Timestamp;

/// The first pause. Each further one without a success in between is twice as long.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);

/// Few requests are under way at once until this long after the last pause. So the receiver refuses few when the next pause
/// begins.
const WARY: Duration = Duration::from_secs(60);

/// The fraction by which a pause may be longer.
const JITTER: f64 = 0.2;

/// Requests at once.
const AT_ONCE: Size = Size { start: 1, most: 4, least: 1 };

/// The most due deliveries that the relay puts on the queue while the lane is short. The others stay as they are.
pub(super) const AHEAD: usize = 32;

/// The pauses of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    /// When the present pause ends, or the last one has ended, in milliseconds; 0 if there was none.
    until: AtomicI64,
    /// The pauses since the last success.
    in_a_row: AtomicU32,
    /// Made for the first pause.
    lane: OnceLock<Arc<Lane>>,
}

impl Endpoint {
    /// Begins a pause, because the receiver asks for fewer requests. Requests that were under way when a pause began say
    /// nothing new. `random` is uniform in 0..1.
    pub(crate) fn slow_down(&self, now: Timestamp, random: f64) {
        let before = self.throttle.until.load(Ordering::Relaxed);
        if before > now.as_millis() {
            return;
        }
        let pauses = self.throttle.in_a_row.load(Ordering::Relaxed);
        let wait = FIRST.saturating_mul(1 << pauses.min(16)).min(LONGEST).mul_f64(JITTER.mul_add(random, 1.0));
        let until = (now + wait).as_millis();
        if self.throttle.until.compare_exchange(before, until, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            self.throttle.in_a_row.fetch_add(1, Ordering::Relaxed);
            self.throttle.lane.get_or_init(|| Arc::new(Lane::new(AT_ONCE)));
        }
    }

    /// Notes that the receiver takes requests.
    pub(crate) fn takes_requests(&self) {
        if self.throttle.in_a_row.load(Ordering::Relaxed) != 0 {
            self.throttle.in_a_row.store(0, Ordering::Relaxed);
        }
    }

    /// Until when this process sends nothing, because the receiver has asked for fewer requests.
    pub(crate) fn slowed_until(&self) -> Option<Timestamp> {
        let until = Timestamp::from_millis(self.throttle.until.load(Ordering::Relaxed));
        // Nearly all endpoints never get a pause, so this seldom reads the clock.
        (until != Timestamp::from_millis(0) && until > Timestamp::now()).then_some(until)
    }

    /// The lane with few places, for a while after a pause.
    pub(super) fn wary_lane(&self) -> Option<&Arc<Lane>> {
        let lane = self.throttle.lane.get()?;
        let until = Timestamp::from_millis(self.throttle.until.load(Ordering::Relaxed)) + WARY;
        (until > Timestamp::now()).then_some(lane)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{endpoint::Endpoints, tenant::Tenant};

    #[test]
    fn pauses_double_until_the_receiver_takes_requests_and_only_its_own_tenant_has_them() {
        let endpoints = Endpoints::default();
        let [alice, bob] = ["alice", "bob"].map(|owner| endpoints.get(Tenant::of(Some(owner)), "http://a.example/"));
        let pause = |now: Timestamp| {
            alice.slow_down(now, 0.0);
            Timestamp::from_millis(alice.throttle.until.load(Ordering::Relaxed)).since(now).as_secs()
        };
        let mut now = Timestamp::now();
        assert!(alice.slowed_until().is_none() && alice.wary_lane().is_none());
        let mut pauses = Vec::new();
        for _ in 0..8 {
            pauses.push(pause(now));
            now = now + LONGEST;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(alice.slowed_until().is_some() && alice.wary_lane().is_some());
        assert!(bob.slowed_until().is_none() && bob.wary_lane().is_none());
        alice.takes_requests();
        assert_eq!(pause(now), 1);
        assert_eq!(pause(now), 1, "it is under way");
    }

    #[test]
    fn a_long_time_after_a_pause_nothing_of_it_is_left() {
        let endpoint = Endpoints::default().get(Tenant::default(), "http://a.example/");
        endpoint.slow_down(Timestamp::now() - WARY - LONGEST, 1.0);
        assert!(endpoint.slowed_until().is_none() && endpoint.wary_lane().is_none());
    }
}
