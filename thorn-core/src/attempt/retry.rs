//! The schedule of retries. These functions read neither the clock nor a random generator.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::spread::spread_behind;
use crate::invalid::InvalidOption;

/// The schedule of retries: exponential backoff with jitter and a maximum number of attempts.
///
/// The n-th retry waits `first × factor^(n-1)`, but at most `longest`. `jitter` spreads the wait in both
/// directions, so that a receiver that recovers doesn't get all retries at once. If the receiver asks for a
/// longer wait with `Retry-After`, that wait applies, also limited to `longest`; jitter only makes it longer.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use thorn_core::attempt::RetryPolicy;
///
/// let policy = RetryPolicy { jitter: 0.0, ..RetryPolicy::default() };
/// assert_eq!(policy.wait_after(1, None, 0.5), Some(Duration::from_secs(5)));
/// assert_eq!(RetryPolicy::never().wait_after(1, None, 0.5), None);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// The maximum number of attempts, including the first. 1 means no retries. The default is 11.
    pub max_attempts: u32,
    /// The wait before the first retry. The default is 5 s.
    pub first: Duration,
    /// The factor by which each wait is longer than the one before, from 1 to 100. The default is 4.
    pub factor: f64,
    /// The maximum wait, also for `Retry-After`; at most 30 days. The default is 12 h.
    pub longest: Duration,
    /// The fraction by which a wait may be shorter or longer, from 0 to 1. The default is 0.2.
    pub jitter: f64,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 11,
            first: Duration::from_secs(5),
            factor: 4.0,
            longest: Duration::from_secs(12 * 60 * 60),
            jitter: 0.2,
        }
    }
}

impl RetryPolicy {
    /// A policy without retries.
    #[must_use]
    pub fn never() -> Self {
        Self { max_attempts: 1, ..Self::default() }
    }

    /// A policy with the same wait before every retry and no jitter. `max_attempts` includes the first attempt.
    #[must_use]
    pub fn fixed(wait: Duration, max_attempts: u32) -> Self {
        Self { max_attempts, first: wait, factor: 1.0, longest: wait, jitter: 0.0 }
    }

    /// The wait after this number of failed attempts, or `None` if there is no further attempt.
    ///
    /// `random` is a random number, uniform in 0..1; 0.5 gives the wait without jitter.
    #[must_use]
    pub fn wait_after(&self, attempts: u32, retry_after: Option<Duration>, random: f64) -> Option<Duration> {
        if attempts >= self.max_attempts {
            return None;
        }
        let exponent = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
        let longest = self.longest.as_secs_f64();
        let base = (self.first.as_secs_f64() * self.factor.powi(exponent)).min(longest);
        let spread = self.jitter.mul_add(random.mul_add(2.0, -1.0), 1.0);
        let wait = base * spread;
        // A wait that the jitter would put beyond the longest one goes as far before it, so that waits differ.
        let wait =
            Duration::from_secs_f64(if wait > longest { 2.0_f64.mul_add(longest, -wait) } else { wait }.max(0.0));
        let asked = retry_after.map(|asked| spread_behind(asked, self.longest, self.jitter, random));
        Some(wait.max(asked.unwrap_or_default()))
    }

    /// How long all retries take from the first attempt on, without jitter and without the attempts themselves.
    pub(crate) fn total(&self) -> Duration {
        const NO_JITTER: f64 = 0.5;
        let waits = (1..self.max_attempts).map_while(|attempts| self.wait_after(attempts, None, NO_JITTER));
        waits.fold(Duration::ZERO, Duration::saturating_add)
    }

    /// Checks that every field is within its limits.
    ///
    /// # Errors
    ///
    /// [`InvalidOption`] with the name of the wrong field.
    pub fn check(&self) -> Result<(), InvalidOption> {
        let refuse = |reason: String| Err(InvalidOption { option: "retry policy", reason });
        if self.max_attempts == 0 {
            return refuse("max_attempts is 0; it includes the first attempt, so 1 means no retries".into());
        }
        if self.first.is_zero() && self.max_attempts > 1 {
            return refuse("first is 0, so retries would follow without a pause".into());
        }
        if !(1.0..=100.0).contains(&self.factor) {
            return refuse(format!("factor is {}; it must be from 1 to 100", self.factor));
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return refuse(format!("jitter is {}; it must be from 0 to 1", self.jitter));
        }
        if self.longest < self.first {
            return refuse(format!("longest ({:?}) is shorter than first ({:?})", self.longest, self.first));
        }
        if self.longest > Duration::from_secs(30 * 24 * 60 * 60) {
            return refuse(format!("longest is {:?}; at most 30 days are allowed", self.longest));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_JITTER: f64 = 0.5;

    #[test]
    fn waits_grow_up_to_the_longest_and_then_end() {
        let policy = RetryPolicy::default();
        let waits: Vec<u64> =
            (1..).map_while(|n| policy.wait_after(n, None, NO_JITTER)).map(|wait| wait.as_secs()).collect();
        assert_eq!(waits, [5, 20, 80, 320, 1280, 5120, 20480, 43200, 43200, 43200]);
    }

    #[test]
    fn thorn_149_jitter_spreads_waits_and_retry_after_applies_up_to_the_longest() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.wait_after(1, None, 0.0), Some(Duration::from_secs(4)));
        assert_eq!(policy.wait_after(1, None, 1.0), Some(Duration::from_secs(6)));
        let with_retry_after = |secs, random| policy.wait_after(1, Some(Duration::from_secs(secs)), random);
        assert_eq!(with_retry_after(60, 0.0), Some(Duration::from_secs(60)), "never earlier than asked");
        assert_eq!(with_retry_after(60, 1.0), Some(Duration::from_secs(72)));
        assert_eq!(with_retry_after(1, NO_JITTER), Some(Duration::from_secs(5)));
        assert_eq!(with_retry_after(u64::MAX, 0.0), Some(policy.longest));
        assert_eq!(with_retry_after(u64::MAX, 1.0), Some(policy.longest.mul_f64(0.8)));
    }

    #[test]
    fn no_two_of_many_waits_are_the_same_even_if_they_are_the_longest() {
        let policy = RetryPolicy::default();
        for retry_after in [None, Some(Duration::from_secs(40_000)), Some(Duration::MAX)] {
            let waits = (0..100).filter_map(|n| policy.wait_after(10, retry_after, f64::from(n) / 100.0));
            let waits: std::collections::BTreeSet<_> = waits.map(|wait| wait.as_millis()).collect();
            assert!(waits.len() > 50, "{} waits after {retry_after:?}", waits.len());
            assert!(waits.last() <= Some(&policy.longest.as_millis()), "{waits:?}");
        }
    }

    #[test]
    fn policies_outside_the_limits_are_refused() {
        let valid = RetryPolicy::default();
        assert!(valid.check().is_ok());
        for bad in [
            RetryPolicy { max_attempts: 0, ..valid.clone() },
            RetryPolicy { factor: f64::NAN, ..valid.clone() },
            RetryPolicy { factor: 0.5, ..valid.clone() },
            RetryPolicy { jitter: 1.1, ..valid.clone() },
            RetryPolicy { longest: Duration::ZERO, ..valid.clone() },
            RetryPolicy::fixed(Duration::ZERO, 2),
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
