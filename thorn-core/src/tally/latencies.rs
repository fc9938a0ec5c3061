//! How long attempts took, as counters of ranges.

use std::time::Duration;

/// The upper bound of each range, in milliseconds. One more range has what is longer.
pub(super) const BOUNDS: [u32; 11] = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 15_000];

/// The number of ranges.
pub(super) const RANGES: usize = BOUNDS.len() + 1;

/// The number of attempts in each range of durations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Latencies(pub(super) [u32; RANGES]);

impl Latencies {
    pub(super) fn add(&mut self, duration: Duration) {
        let range = BOUNDS.partition_point(|bound| Duration::from_millis(u64::from(*bound)) < duration);
        // One of `RANGES`, since there is one more of them than of bounds.
        if let Some(count) = self.0.get_mut(range) {
            *count = count.saturating_add(1);
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (count, more) in self.0.iter_mut().zip(other.0) {
            *count = count.saturating_add(more);
        }
    }

    /// The duration that this fraction of the attempts didn't exceed, in milliseconds. Within a range it is
    /// interpolated. In the last range, which has no upper bound, it is the lower bound. `None` without attempts.
    pub(crate) fn percentile(&self, fraction: f64) -> Option<u64> {
        let total: u64 = self.0.iter().map(|count| u64::from(*count)).sum();
        if total == 0 {
            return None;
        }
        let rank = fraction.clamp(0.0, 1.0) * total as f64;
        let (mut below, mut lower) = (0.0, 0.0);
        for (count, upper) in self.0.iter().zip(BOUNDS.map(f64::from)) {
            let count = f64::from(*count);
            if count > 0.0 && below + count >= rank {
                return Some((lower + (upper - lower) * (rank - below) / count).round() as u64);
            }
            (below, lower) = (below + count, upper);
        }
        Some(lower as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(durations: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        durations.into_iter().for_each(|millis| latencies.add(Duration::from_millis(millis)));
        latencies
    }

    #[test]
    fn a_duration_at_a_bound_belongs_below_it() {
        assert_eq!(of([0, 5, 6, 10, 11]).0[..3], [2, 2, 1]);
        assert_eq!(of([15_000, 15_001, 3_600_000]).0[10..], [1, 2]);
        let mut latencies = Latencies::default();
        latencies.add(Duration::from_micros(5_001));
        assert_eq!(latencies.0[..2], [0, 1]);
    }

    #[test]
    fn percentiles_are_interpolated_within_a_range() {
        assert_eq!(of([]).percentile(0.5), None);
        // Ten attempts between 100 and 250 ms count as spread evenly over the range.
        assert_eq!(of([180; 10]).percentile(0.5), Some(175));
        assert_eq!(of([180; 10]).percentile(1.0), Some(250));
        assert_eq!(of([180; 10]).percentile(0.0), Some(100));
        let mixed = of((0..90).map(|_| 3).chain((0..10).map(|_| 700)));
        assert_eq!(mixed.percentile(0.5), Some(3), "2.8 ms, rounded");
        assert_eq!(mixed.percentile(0.9), Some(5));
        assert_eq!(mixed.percentile(0.95), Some(750));
    }

    #[test]
    fn beyond_the_last_bound_a_percentile_is_that_bound() {
        assert_eq!(of([20_000]).percentile(0.5), Some(15_000));
        assert_eq!(of([3, 20_000]).percentile(0.95), Some(15_000));
    }

    #[test]
    fn percentiles_of_many_durations_are_near_the_true_ones() {
        let durations: Vec<u64> = (1..=10_000).map(|n| n * n % 4_999).collect();
        let mut sorted = durations.clone();
        sorted.sort_unstable();
        let latencies = of(durations);
        for (fraction, index) in [(0.5, 5_000), (0.95, 9_500)] {
            let (found, true_one) = (latencies.percentile(fraction).unwrap(), sorted[index]);
            let range = BOUNDS.partition_point(|bound| u64::from(*bound) < true_one);
            assert!((u64::from(BOUNDS[range - 1])..=u64::from(BOUNDS[range])).contains(&found), "{found} {true_one}");
        }
    }
}
