//! Spreads waits that many have at the same time, so that they don't all end together.

use std::time::Duration;

/// The wait of one who was asked to wait for `asked`, and waits at most for `longest`. Waits are spread behind what was
/// asked for, and never before. If the receiver asks for more than the longest wait, they are spread before that.
///
/// `jitter` is the fraction by which waits differ, and `random` is uniform in 0..1.
pub(super) fn spread_behind(asked: Duration, longest: Duration, jitter: f64, random: f64) -> Duration {
    if asked > longest {
        return longest.mul_f64(jitter.mul_add(-random, 1.0).max(0.0));
    }
    let latest = asked.mul_f64(1.0 + jitter).min(longest);
    asked + latest.saturating_sub(asked).mul_f64(random)
}

/// A pause that many begin at the same time: up to half as long again. `random` is uniform in 0..1.
pub(crate) fn spread_pause(pause: Duration, random: f64) -> Duration {
    pause.mul_f64(0.5_f64.mul_add(random, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_differ_behind_what_was_asked_for_and_never_exceed_the_longest() {
        let waits = |asked: u64| {
            let asked = Duration::from_secs(asked);
            [0.0, 0.5, 1.0].map(|random| spread_behind(asked, Duration::from_secs(1_000), 0.2, random).as_secs())
        };
        assert_eq!(waits(100), [100, 110, 120]);
        assert_eq!(waits(900), [900, 950, 1_000]);
        assert_eq!(waits(5_000), [1_000, 900, 800]);
        assert_eq!(waits(0), [0, 0, 0]);
    }

    #[test]
    fn a_pause_is_never_shorter_and_at_most_half_as_long_again() {
        let pause = |random| spread_pause(Duration::from_secs(2), random).as_millis();
        assert_eq!([0.0, 0.5, 1.0].map(pause), [2_000, 2_500, 3_000]);
    }
}
