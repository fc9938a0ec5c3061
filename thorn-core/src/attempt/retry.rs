//! When a failed delivery is tried again. Pure: time and randomness are passed in.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::invalid::InvalidOption;

/// Exponential backoff with jitter and an end.
///
/// The n-th retry waits `first × factor^(n-1)`, at most `longest`, spread by `jitter` to both sides
/// so that a receiver that comes back isn't met by everything at once. A longer `Retry-After` of
/// the receiver wins, up to `longest`.
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
    /// Attempts in all, the first included; 1 never retries. Default 11.
    pub max_attempts: u32,
    /// Wait before the first retry. Default 5 s.
    pub first: Duration,
    /// Each wait is this many times the one before. Default 4.
    pub factor: f64,
    /// No wait is longer, `Retry-After` included. Default 12 h.
    pub longest: Duration,
    /// Fraction of the wait by which it may be shorter or longer, 0 to 1. Default 0.2.
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
    /// One attempt and no more.
    #[must_use]
    pub fn never() -> Self {
        Self { max_attempts: 1, ..Self::default() }
    }

    /// Retries at a fixed distance, without jitter.
    #[must_use]
    pub fn fixed(wait: Duration, max_attempts: u32) -> Self {
        Self { max_attempts, first: wait, factor: 1.0, longest: wait, jitter: 0.0 }
    }

    /// How long to wait after the given number of failed attempts, or `None` if that was the last.
    /// `random` is uniform in 0..1.
    #[must_use]
    pub fn wait_after(&self, attempts: u32, retry_after: Option<Duration>, random: f64) -> Option<Duration> {
        if attempts >= self.max_attempts {
            return None;
        }
        let exponent = i32::try_from(attempts.saturating_sub(1)).unwrap_or(i32::MAX);
        let longest = self.longest.as_secs_f64();
        let base = (self.first.as_secs_f64() * self.factor.powi(exponent)).min(longest);
        let spread = self.jitter.mul_add(random.mul_add(2.0, -1.0), 1.0);
        let wait = Duration::from_secs_f64((base * spread).clamp(0.0, longest));
        Some(wait.max(retry_after.unwrap_or_default().min(self.longest)))
    }

    /// Checks that every number makes sense.
    ///
    /// # Errors
    ///
    /// [`InvalidOption`] naming the field.
    pub fn check(&self) -> Result<(), InvalidOption> {
        let refuse = |reason: String| Err(InvalidOption { option: "retry policy", reason });
        if self.max_attempts == 0 {
            return refuse("max_attempts is 0; the first attempt counts, so 1 means no retry".into());
        }
        if self.first.is_zero() && self.max_attempts > 1 {
            return refuse("first is 0, so retries would follow without a pause".into());
        }
        if !(1.0..=100.0).contains(&self.factor) {
            return refuse(format!("factor is {}, expected 1 to 100", self.factor));
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return refuse(format!("jitter is {}, expected 0 to 1", self.jitter));
        }
        if self.longest < self.first {
            return refuse(format!("longest ({:?}) is shorter than first ({:?})", self.longest, self.first));
        }
        if self.longest > Duration::from_secs(30 * 24 * 60 * 60) {
            return refuse(format!("longest is {:?}, at most 30 days", self.longest));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVEN: f64 = 0.5;

    #[test]
    fn waits_grow_to_the_longest_and_end() {
        let policy = RetryPolicy::default();
        let waits: Vec<u64> =
            (1..).map_while(|n| policy.wait_after(n, None, EVEN)).map(|wait| wait.as_secs()).collect();
        assert_eq!(waits, [5, 20, 80, 320, 1280, 5120, 20480, 43200, 43200, 43200]);
    }

    #[test]
    fn thorn_149_jitter_spreads_and_retry_after_is_honoured_within_bounds() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.wait_after(1, None, 0.0), Some(Duration::from_secs(4)));
        assert_eq!(policy.wait_after(1, None, 1.0), Some(Duration::from_secs(6)));
        let asked = |secs| policy.wait_after(1, Some(Duration::from_secs(secs)), EVEN);
        assert_eq!(asked(60), Some(Duration::from_secs(60)));
        assert_eq!(asked(1), Some(Duration::from_secs(5)));
        assert_eq!(asked(u64::MAX), Some(policy.longest));
    }

    #[test]
    fn senseless_policies_are_refused() {
        let ok = RetryPolicy::default();
        assert!(ok.check().is_ok());
        for bad in [
            RetryPolicy { max_attempts: 0, ..ok.clone() },
            RetryPolicy { factor: f64::NAN, ..ok.clone() },
            RetryPolicy { factor: 0.5, ..ok.clone() },
            RetryPolicy { jitter: 1.1, ..ok.clone() },
            RetryPolicy { longest: Duration::ZERO, ..ok.clone() },
            RetryPolicy::fixed(Duration::ZERO, 2),
        ] {
            assert!(bad.check().is_err(), "{bad:?}");
        }
    }
}
