//! Decides whether a delivery passes the pause and the hold of its subscription.

use std::time::Duration;

use super::executor::Executor;
use crate::{
    db::with_timeout,
    endpoint::Endpoint,
    subscription::{Hold, HoldStage, Subscription},
    timestamp::Timestamp,
};

/// A probe has its timeout and this time to be recorded. After that, another worker may probe.
const PROBE: Duration = Duration::from_secs(5);

/// Wait of a delivery while another one is the probe.
const PROBED: Duration = Duration::from_secs(1);

/// Deliveries that a hold put off become due within this fraction of its length after its end.
const SPREAD: f64 = 0.2;

/// The longest time over which they are spread.
const LONGEST_SPREAD: Duration = Duration::from_secs(30);

/// Whether a delivery passes.
pub(super) enum Pass {
    /// The endpoint isn't held.
    Free,
    /// The hold has ended. The delivery is its only probe, in place of this hold.
    Probe(Hold),
    /// Deliveries are held. Try again at this time.
    Held(Timestamp),
    /// The subscription is paused, so the delivery is kept.
    Paused,
}

impl Executor {
    /// Whether a delivery to the subscription may be sent, as far as pauses and holds go. `timeout` is the event's own.
    /// `has_row` tells whether the delivery has waited, so that a relay has chosen it among those that wait.
    pub(super) async fn pass(
        &self,
        subscription: &Subscription,
        endpoint: &Endpoint,
        timeout: Option<Duration>,
        has_row: bool,
    ) -> Pass {
        if let Some(since) = subscription.kept_since() {
            Box::pin(self.keep(subscription, endpoint, since)).await;
            return Pass::Paused;
        }
        if let Some(until) = endpoint.slowed_until() {
            return Pass::Held(spread(until, Timestamp::now()));
        }
        let (here, held) = (endpoint.held_until(), subscription.held.as_ref());
        if here.is_none() && held.is_none() {
            // Another process may have ended the hold.
            endpoint.recover();
            return Pass::Free;
        }
        endpoint.note_hold();
        let now = Timestamp::now();
        if let Some(until) = here.filter(|until| *until > now) {
            return Pass::Held(spread(until, now));
        }
        let Some(hold) = held else {
            endpoint.recover();
            return Pass::Free;
        };
        match hold.stage(now) {
            HoldStage::Waiting(until) => Pass::Held(spread(until, now)),
            HoldStage::Probed => Pass::Held(after_a_probe(now)),
            // The first probe is the oldest delivery that waits. This one waits with the others, and is due at once. A
            // process that delivers inline has no relay, which would choose one.
            HoldStage::Over if hold.step <= 1 && !has_row && self.until.is_none() => Pass::Held(now),
            HoldStage::Over => {
                Box::pin(self.probe(subscription, endpoint, hold, now + self.timeout(timeout) + PROBE)).await
            }
        }
    }

    /// Whether a delivery to a recipient that its event brought may be sent. Only this process knows of its holds.
    pub(super) fn pass_here(endpoint: &Endpoint) -> Pass {
        let now = Timestamp::now();
        let until = endpoint.held_here_until(now).max(endpoint.slowed_until());
        until.map_or(Pass::Free, |until| Pass::Held(spread(until, now)))
    }

    /// Makes the delivery the only probe until this time, unless another one was first.
    async fn probe(&self, subscription: &Subscription, endpoint: &Endpoint, hold: &Hold, until: Timestamp) -> Pass {
        let probing = Hold { probed_until: Some(until), ..hold.clone() };
        let subscriptions = &self.consequences.subscriptions;
        let begun = with_timeout(&self.db, subscriptions.hold(subscription, Some(hold), &probing)).await;
        let now = Timestamp::now();
        match begun {
            Ok(true) => {
                // Other deliveries of this process may not know yet that a probe is under way.
                endpoint.hold(now + PROBED, now);
                return Pass::Probe(probing);
            }
            Ok(false) => {}
            Err(error) => tracing::warn!(subscription.id = %subscription.id, %error, "can't begin a probe"),
        }
        Pass::Held(after_a_probe(now))
    }
}

/// A time at which the probe that is under way may be over.
fn after_a_probe(now: Timestamp) -> Timestamp {
    now + PROBED.mul_f64(1.0 + SPREAD * rand::random::<f64>())
}

/// A time soon after the end of a hold, so that the deliveries that wait for it don't all become due at once.
fn spread(until: Timestamp, now: Timestamp) -> Timestamp {
    let over = until.since(now).mul_f64(SPREAD).min(LONGEST_SPREAD);
    until + over.mul_f64(rand::random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_deliveries_become_due_soon_after_the_hold_and_not_all_at_once() {
        let now = Timestamp::now();
        for (hold, most) in [(10, 2), (3_600, 30)] {
            let until = now + Duration::from_secs(hold);
            let due: Vec<_> = (0..100).map(|_| spread(until, now)).collect();
            assert!(due.iter().all(|due| (until..=until + Duration::from_secs(most)).contains(due)), "{due:?}");
            assert!(due.iter().any(|one| *one != due[0]));
        }
    }
}
