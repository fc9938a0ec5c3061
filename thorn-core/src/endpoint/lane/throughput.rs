//! How many requests of a lane end in a time.

use std::time::Duration;

use tokio::time::Instant;

/// Requests are counted for at least this time. It is longer than a moment in which a database or a receiver answers nothing.
const COUNTED: Duration = Duration::from_millis(250);

/// How often requests end.
#[derive(Debug)]
pub(super) struct Throughput {
    since: Instant,
    ended: u32,
    /// The time between two ends, when it was last counted.
    between: Duration,
}

impl Throughput {
    /// Until requests have been counted, any number of them seems to take for ever.
    pub(super) const fn new(now: Instant) -> Self {
        Self { since: now, ended: 0, between: Duration::MAX }
    }

    /// Counts a request that ends now.
    pub(super) fn ended(&mut self, now: Instant) {
        self.ended += 1;
        let elapsed = now.duration_since(self.since);
        if elapsed >= COUNTED {
            *self = Self { since: now, ended: 0, between: elapsed / self.ended };
        }
    }

    /// How long so many requests take.
    pub(super) fn time_for(&self, requests: u32) -> Duration {
        self.between.saturating_mul(requests)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_without_an_answer_changes_little_and_slowness_shows_soon() {
        let mut now = Instant::now();
        let mut throughput = Throughput::new(now);
        assert_eq!(throughput.time_for(1), Duration::MAX);
        let mut end = |requests: u32, each: Duration| {
            for _ in 0..requests {
                now += each;
                throughput.ended(now);
            }
            throughput.time_for(1_000)
        };
        let quick = end(5_000, Duration::from_micros(100));
        assert_eq!(quick, Duration::from_millis(100));
        end(1, Duration::from_millis(50));
        let after_a_pause = end(2_500, Duration::from_micros(100));
        assert!((quick..quick * 5 / 4).contains(&after_a_pause), "{after_a_pause:?}");
        assert_eq!(end(5, Duration::from_millis(500)), Duration::from_secs(500));
    }
}
