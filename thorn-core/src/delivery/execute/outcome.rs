//! Makes an attempt and decides the delivery's next state.

use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, LazyLock},
};

use futures::FutureExt as _;
use tokio::time::Instant;

use super::{admission::Target, attempt::unsent, executor::Executor};
use crate::{
    attempt::{Attempt, DeliveryState, HoldReason, Outcome, RetryPolicy, Sign, TOO_MANY_REQUESTS},
    delivery::{
        consequences::{Failing, GONE},
        observer::DeliveryReport,
    },
    endpoint::{Endpoint, Permit},
    fanout::{ChunkDelivery, ChunkEvent, Recipient},
    record::Record,
    rendered::EventOptions,
    subscription::{Hold, HoldCause},
    timestamp::Timestamp,
};

/// The options of an event that sets none.
static NO_OPTIONS: LazyLock<EventOptions> = LazyLock::new(EventOptions::default);

impl Executor {
    /// Makes an attempt, and updates the delivery's record with its result.
    pub(super) async fn make_attempt(
        &self,
        event: &ChunkEvent,
        delivery: &ChunkDelivery,
        target: &Target<'_>,
        permit: Permit,
        record: &mut Record,
    ) -> (DeliveryReport, Failing) {
        let recipient = &target.recipient;
        let options = event.options.as_ref().unwrap_or(&NO_OPTIONS);
        let attempted_at = Timestamp::now();
        // A bug in here must not end the worker's other tasks.
        let attempt = self.sign_and_send(record.delivery, event, delivery, target, options);
        let attempt = AssertUnwindSafe(attempt).catch_unwind().await;
        let (attempt, response) = attempt.unwrap_or_else(|_| {
            let error = "thorn panicked while sending; please report this with the log's backtrace";
            (unsent(attempted_at, error.into()), None)
        });
        self.end_turn(target.turn).await;
        permit.done(&attempt);
        let failing = self.judge_endpoint(target, &attempt);
        let is_failed_probe = target.probes.is_some() && failing.streak.is_some();
        if is_failed_probe {
            record.uncounted += 1;
        }
        let report = self.apply_outcome(&event.name, recipient, options, &attempt, is_failed_probe, record);
        let announcement =
            || self.consequences.announce(&self.registry, &report, options.internal, recipient.subscription());
        record.announcements = match target.stored.filter(|event| event.has_reports()) {
            None => announcement().into_iter().collect(),
            Some(event) => {
                let reports = self.consequences.report(&self.registry, &report, event, options, response);
                let announced = if event.errback.is_none() { announcement() } else { None };
                reports.into_iter().chain(announced).collect()
            }
        };
        record.attempt = Some(attempt);
        (report, failing)
    }

    /// Decides whether the attempt begins or ends a hold of the subscription's deliveries.
    fn judge_endpoint(&self, target: &Target<'_>, attempt: &Attempt) -> Failing {
        let (sign, now) = (attempt.sign(), Timestamp::now());
        let streak = target.endpoint.count(sign, now);
        match sign {
            Sign::Works => target.endpoint.takes_requests(),
            Sign::TooMany if self.consequences.hold.after.is_some() => target.endpoint.slow_down(now, rand::random()),
            _ => {}
        }
        let Some(subscription) = target.recipient.subscription() else {
            self.judge_here(&target.endpoint, attempt, streak.map_or(0, |streak| streak.attempts), now);
            return Failing::default();
        };
        let before = target.probes.as_ref().or(subscription.held.as_deref());
        let step = before.map(|hold| hold.step);
        let failures = streak.map_or(0, |streak| streak.attempts);
        let wait = self.consequences.hold.hold(sign, failures, step, rand::random());
        let hold = wait.map(|wait| Hold {
            until: now + wait,
            step: step.unwrap_or_default().saturating_add(1),
            probed_until: None,
            cause: Some(Arc::new(HoldCause::of(attempt, before, now))),
        });
        let ends_hold = target.probes.is_some() && hold.is_none();
        if let Some(hold) = &hold {
            target.endpoint.note_hold();
            target.endpoint.hold(hold.until, now);
        } else if ends_hold {
            target.endpoint.recover();
        }
        let slows = attempt.status == Some(TOO_MANY_REQUESTS) && subscription.spec.rate.is_some();
        let slows = slows.then(|| attempt.retry_after.filter(|asked| !asked.is_zero()));
        Failing { streak, slows, hold: hold.map(|after| Box::new((before.cloned(), after))), ends_hold }
    }

    /// Decides whether the attempt begins or ends a hold of deliveries to a recipient that its event brought.
    fn judge_here(&self, endpoint: &Endpoint, attempt: &Attempt, failures: u32, now: Timestamp) {
        let sign = attempt.sign();
        match self.consequences.hold.hold(sign, failures, endpoint.holds_here(), rand::random()) {
            // Attempts that were under way when the hold began say nothing new.
            Some(wait) if endpoint.held_here_until(now).is_none() => {
                endpoint.hold_here(now + wait);
                self.counters.held(HoldReason::of(attempt));
            }
            None if sign == Sign::Works => endpoint.release_here(),
            _ => {}
        }
    }

    /// Decides whether the delivery is delivered, waits for a retry, or is dead.
    fn apply_outcome(
        &self,
        event_name: &str,
        recipient: &Recipient,
        options: &EventOptions,
        attempt: &Attempt,
        is_failed_probe: bool,
        record: &mut Record,
    ) -> DeliveryReport {
        record.attempts += 1;
        (record.now, record.since) = (Timestamp::now(), Instant::now());
        record.next_attempt_at = None;
        self.counters.attempted(attempt.outcome);
        let Attempt { outcome, status, duration, ref error, .. } = *attempt;
        if outcome == Outcome::Delivered {
            record.state = DeliveryState::Delivered;
            tracing::debug!(status, ?duration, attempt = record.attempts, "delivered");
        } else {
            let retry = options.retry.as_ref().unwrap_or(&self.defaults.retry);
            let wait = match status {
                Some(GONE) => None,
                _ if is_failed_probe && is_too_old(record, retry) => None,
                _ => retry.wait_after(record.attempts - record.uncounted, attempt.retry_after, rand::random()),
            };
            record.next_attempt_at = wait.map(|wait| record.now + wait);
            record.state = if wait.is_some() { DeliveryState::Waiting } else { DeliveryState::Dead };
            let state = record.state;
            tracing::info!(
                delivery.id = %record.delivery, event.id = %record.event, event.name = event_name,
                subscription.id = %recipient.id(), outcome = outcome.as_str(), status, error, ?duration,
                attempt = record.attempts, %state, ?wait, "failed"
            );
        }
        DeliveryReport {
            delivery: record.delivery,
            event: record.event,
            event_name: event_name.to_owned(),
            subscription: recipient.id(),
            owner: recipient.subscription().and_then(|subscription| subscription.owner.clone()),
            attempts: record.attempts,
            outcome,
            status,
            error: error.clone(),
            duration,
            state: record.state,
            at: record.now,
            next_attempt_at: record.next_attempt_at,
        }
    }
}

/// Whether a delivery is older than all its retries would have taken. A failed probe uses up no attempt, so without this
/// bound the delivery might be tried for ever.
fn is_too_old(record: &Record, retry: &RetryPolicy) -> bool {
    let is_past = |generated| record.now.since(generated) > retry.total();
    record.event.generated_at().is_some_and(is_past)
}
