//! The schedule of holds. These functions read neither the clock nor a random generator.

use std::time::Duration;

use super::{Attempt, Outcome, spread::spread_behind};
use crate::invalid::InvalidOption;

/// Statuses that speak of one event and not of the endpoint: the receiver works, but refuses what it got.
const OF_ONE_EVENT: [u16; 5] = [400, 409, 413, 415, 422];

/// Statuses with which an endpoint asks for fewer requests, if it sends `Retry-After`.
const TOO_MUCH: [u16; 2] = [TOO_MANY_REQUESTS, 503];

/// The status of a response to one request too many.
pub(crate) const TOO_MANY_REQUESTS: u16 = 429;

/// The longest hold that an endpoint may ask for with `Retry-After`.
const LONGEST_ASKED: Duration = Duration::from_secs(12 * 60 * 60);

/// The fraction by which a hold may be shorter or longer.
const JITTER: f64 = 0.2;

/// When deliveries to an endpoint that keeps failing are held, and for how long.
///
/// A hold begins after `after` failed attempts in a row. A response 429 or 503 with `Retry-After` begins one at once,
/// which lasts as long as the receiver asks for, at most 12 h. A hold lasts `first`, the next one twice as long, and so
/// on, at most `longest`. Each may be a fifth shorter or longer.
///
/// A response 429 without `Retry-After` begins no hold. It gives the endpoint a pause in this process, of a second at first
/// and a minute at most. A policy without holds has no such pauses either.
///
/// # Examples
///
/// ```
/// use thorn_core::attempt::HoldPolicy;
///
/// let policy = HoldPolicy::default();
/// assert_eq!(policy.wait(0, 0.5).as_secs(), 5);
/// assert_eq!(policy.wait(3, 0.5).as_secs(), 40);
/// assert_eq!(HoldPolicy::never().after, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldPolicy {
    /// How many attempts in a row must fail. `None` never holds deliveries. The default is 10.
    pub after: Option<u32>,
    /// The length of the first hold. The default is 5 s.
    pub first: Duration,
    /// The maximum length of a hold, unless the receiver asks for a longer one. The default is 5 min.
    pub longest: Duration,
}

/// The sign that an attempt gives of its endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// It accepted the delivery.
    Works,
    /// It refused this event. Other events may succeed.
    RefusesEvent,
    /// It failed.
    Fails,
    /// It refused this request because there were too many, and doesn't say how long to wait.
    TooMany,
    /// It asks for a pause.
    AsksFor(Duration),
}

impl Default for HoldPolicy {
    fn default() -> Self {
        Self { after: Some(10), first: Duration::from_secs(5), longest: Duration::from_secs(300) }
    }
}

impl HoldPolicy {
    /// A policy that never holds deliveries.
    #[must_use]
    pub fn never() -> Self {
        Self { after: None, ..Self::default() }
    }

    /// The length of a hold after this number of holds, with no success in between.
    ///
    /// `random` is a random number, uniform in 0..1; 0.5 gives the length without jitter.
    #[must_use]
    pub fn wait(&self, holds: u32, random: f64) -> Duration {
        let exponent = i32::try_from(holds).unwrap_or(i32::MAX);
        let wait = (self.first.as_secs_f64() * 2_f64.powi(exponent)).min(self.longest.as_secs_f64());
        Duration::from_secs_f64(wait * JITTER.mul_add(random.mul_add(2.0, -1.0), 1.0))
    }

    /// The length of the hold that an attempt begins; `None` if it begins none.
    ///
    /// `failures` is the number of failed attempts in a row, with this one. `holds` is the number of holds so far, or
    /// `None` if the endpoint isn't held. An attempt during a hold is its probe, whose failure begins the next hold.
    pub(crate) fn hold(&self, sign: Sign, failures: u32, holds: Option<u32>, random: f64) -> Option<Duration> {
        let after = self.after?;
        let wait = self.wait(holds.unwrap_or_default(), random);
        match sign {
            // All that wait for the end would come at once without the jitter.
            Sign::AsksFor(asked) if !asked.is_zero() => Some(spread_behind(asked, LONGEST_ASKED, JITTER, random)),
            Sign::Fails | Sign::TooMany | Sign::AsksFor(_) if holds.is_some() || failures >= after => Some(wait),
            Sign::Works | Sign::RefusesEvent | Sign::Fails | Sign::TooMany | Sign::AsksFor(_) => None,
        }
    }

    /// Checks that every field is within its limits.
    ///
    /// # Errors
    ///
    /// [`InvalidOption`] with the name of the wrong field.
    pub fn check(&self) -> Result<(), InvalidOption> {
        let refuse = |reason: String| Err(InvalidOption { option: "hold policy", reason });
        if self.after == Some(0) {
            return refuse("after is 0; at least one attempt must fail before a hold".into());
        }
        if self.first.is_zero() {
            return refuse("first is 0, so a hold would end at once".into());
        }
        if self.longest < self.first {
            return refuse(format!("longest ({:?}) is shorter than first ({:?})", self.longest, self.first));
        }
        if self.longest > LONGEST_ASKED {
            return refuse(format!("longest is {:?}; at most 12 h are allowed", self.longest));
        }
        Ok(())
    }
}

impl Attempt {
    /// Whether the receiver asks for a pause that isn't empty.
    pub(crate) fn asks_for_a_pause(&self) -> bool {
        matches!(self.sign(), Sign::AsksFor(asked) if !asked.is_zero())
    }

    /// The sign that the attempt gives of its endpoint.
    pub(crate) fn sign(&self) -> Sign {
        match (self.outcome, self.status, self.retry_after) {
            (Outcome::Delivered, ..) => Sign::Works,
            (_, Some(status), _) if OF_ONE_EVENT.contains(&status) => Sign::RefusesEvent,
            (_, Some(TOO_MANY_REQUESTS), None | Some(Duration::ZERO)) => Sign::TooMany,
            (_, Some(status), Some(asked)) if TOO_MUCH.contains(&status) => Sign::AsksFor(asked),
            _ => Sign::Fails,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timestamp::Timestamp;

    const NO_JITTER: f64 = 0.5;

    fn seconds(wait: Option<Duration>) -> Option<u64> {
        wait.map(|wait| wait.as_secs())
    }

    #[test]
    fn holds_double_up_to_the_longest_with_a_fifth_of_jitter() {
        let policy = HoldPolicy::default();
        let waits: Vec<u64> = (0..8).map(|holds| policy.wait(holds, NO_JITTER).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!((policy.wait(1, 0.0), policy.wait(1, 1.0)), (Duration::from_secs(8), Duration::from_secs(12)));
        assert_eq!(policy.wait(u32::MAX, NO_JITTER).as_secs(), 300);
    }

    #[test]
    fn a_hold_begins_after_enough_failures_or_after_a_failed_probe_or_when_asked_for() {
        let policy = HoldPolicy { after: Some(3), ..HoldPolicy::default() };
        let hold = |sign, failures, holds| seconds(policy.hold(sign, failures, holds, NO_JITTER));
        assert_eq!((hold(Sign::Fails, 2, None), hold(Sign::Fails, 3, None)), (None, Some(5)));
        assert_eq!((hold(Sign::Fails, 1, Some(2)), hold(Sign::Works, 0, Some(2))), (Some(20), None));
        assert_eq!(hold(Sign::RefusesEvent, 9, None), None);
        assert_eq!((hold(Sign::TooMany, 2, None), hold(Sign::TooMany, 3, None)), (None, Some(5)));
        let asks = |seconds| Sign::AsksFor(Duration::from_secs(seconds));
        assert_eq!((hold(asks(1), 1, None), hold(asks(90), 1, Some(3))), (Some(1), Some(99)));
        assert_eq!((hold(asks(0), 1, None), hold(asks(0), 3, None)), (None, Some(5)));
        assert_eq!(hold(asks(1_000_000), 1, None), Some(38_880));
        assert_eq!(HoldPolicy::never().hold(asks(90), 99, Some(9), NO_JITTER), None);
    }

    #[test]
    fn a_status_of_one_event_says_nothing_about_the_endpoint() {
        let attempt = |outcome, status, retry_after: Option<u64>| Attempt {
            outcome,
            attempted_at: Timestamp::now(),
            duration: Duration::ZERO,
            status,
            response: None,
            error: None,
            retry_after: retry_after.map(Duration::from_secs),
        };
        let rejected = |status, retry_after| attempt(Outcome::Rejected, Some(status), retry_after).sign();
        assert_eq!(attempt(Outcome::Delivered, Some(200), None).sign(), Sign::Works);
        assert_eq!(OF_ONE_EVENT.map(|status| rejected(status, Some(9))), [Sign::RefusesEvent; 5]);
        assert_eq!(TOO_MUCH.map(|status| rejected(status, Some(9))), [Sign::AsksFor(Duration::from_secs(9)); 2]);
        assert_eq!([None, Some(0)].map(|asked| rejected(429, asked)), [Sign::TooMany; 2]);
        for failed in [rejected(500, Some(9)), rejected(503, None), rejected(404, None)] {
            assert_eq!(failed, Sign::Fails);
        }
        assert_eq!(attempt(Outcome::TimedOut, None, None).sign(), Sign::Fails);
    }

    #[test]
    fn policies_outside_the_limits_are_refused() {
        let valid = HoldPolicy::default();
        assert!(valid.check().is_ok() && HoldPolicy::never().check().is_ok());
        for bad in [
            HoldPolicy { after: Some(0), ..valid.clone() },
            HoldPolicy { first: Duration::ZERO, ..valid.clone() },
            HoldPolicy { longest: Duration::from_secs(1), ..valid.clone() },
            HoldPolicy { longest: Duration::from_secs(50_000), ..valid },
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
