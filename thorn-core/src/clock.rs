//! Notices when the system clock is set while a worker runs.

use std::time::Duration;

use tokio::time::Instant;

use crate::timestamp::Timestamp;

/// Differences up to this are ignored. A busy machine causes them, and so does NTP when it slews the clock.
const TOLERANCE: Duration = Duration::from_secs(10);

/// Compares the system clock, which can be set, with the monotonic clock, which can't.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall: Timestamp,
    monotonic: Instant,
}

/// How far the system clock was set, and in which direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Jump {
    Forward(Duration),
    Backward(Duration),
}

impl Clock {
    pub(crate) const fn new(wall: Timestamp, monotonic: Instant) -> Self {
        Self { wall, monotonic }
    }

    /// Returns how far the system clock was set since the previous observation, if it was.
    pub(crate) fn observe(&mut self, wall: Timestamp, monotonic: Instant) -> Option<Jump> {
        let expected = self.wall + monotonic.duration_since(self.monotonic);
        *self = Self { wall, monotonic };
        let (forward, backward) = (wall.since(expected), expected.since(wall));
        if forward > TOLERANCE {
            Some(Jump::Forward(forward))
        } else {
            (backward > TOLERANCE).then_some(Jump::Backward(backward))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_reported_once_and_with_its_size() {
        let (wall, monotonic) = (Timestamp::from_millis(1_000_000_000), Instant::now());
        let mut clock = Clock::new(wall, monotonic);
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        assert_eq!(clock.observe(wall + minute, monotonic + minute), None);
        assert_eq!(clock.observe(wall + minute * 2 + hour, monotonic + minute * 2), Some(Jump::Forward(hour)));
        assert_eq!(clock.observe(wall + minute * 3 + hour, monotonic + minute * 3), None);
        assert_eq!(clock.observe(wall + minute * 4, monotonic + minute * 4), Some(Jump::Backward(hour)));
        assert_eq!(clock.observe(wall + minute * 5, monotonic + minute * 5), None);
    }

    #[test]
    fn a_small_difference_is_not_a_jump() {
        let (wall, monotonic) = (Timestamp::from_millis(1_000_000_000), Instant::now());
        let mut clock = Clock::new(wall, monotonic);
        assert_eq!(clock.observe(wall + TOLERANCE, monotonic), None);
        assert_eq!(clock.observe(wall, monotonic), None);
    }
}
