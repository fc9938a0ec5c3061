//! The clock of the wall, which may be set while a worker runs.

use std::time::Duration;

use tokio::time::Instant;

use crate::timestamp::Timestamp;

/// Differences up to this are left alone: those of a busy machine, and what is corrected bit by bit.
const SLACK: Duration = Duration::from_secs(10);

/// What time it was, by the clock that may be set and by the one that can't.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    day: Timestamp,
    since: Instant,
}

/// By how much a clock was set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Jump {
    Ahead(Duration),
    Back(Duration),
}

impl Clock {
    pub(crate) const fn new(day: Timestamp, since: Instant) -> Self {
        Self { day, since }
    }

    /// Whether the clock was set since the last look.
    pub(crate) fn look(&mut self, day: Timestamp, since: Instant) -> Option<Jump> {
        let expected = self.day + since.duration_since(self.since);
        *self = Self { day, since };
        let (ahead, back) = (day.since(expected), expected.since(day));
        if ahead > SLACK { Some(Jump::Ahead(ahead)) } else { (back > SLACK).then_some(Jump::Back(back)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_told_once_and_its_size_right() {
        let (day, since) = (Timestamp::from_millis(1_000_000_000), Instant::now());
        let mut clock = Clock::new(day, since);
        let (minute, hour) = (Duration::from_secs(60), Duration::from_secs(3600));
        assert_eq!(clock.look(day + minute, since + minute), None);
        assert_eq!(clock.look(day + minute * 2 + hour, since + minute * 2), Some(Jump::Ahead(hour)));
        assert_eq!(clock.look(day + minute * 3 + hour, since + minute * 3), None);
        assert_eq!(clock.look(day + minute * 4, since + minute * 4), Some(Jump::Back(hour)));
        assert_eq!(clock.look(day + minute * 5, since + minute * 5), None);
    }

    #[test]
    fn a_clock_that_is_a_little_off_wasn_t_set() {
        let (day, since) = (Timestamp::from_millis(1_000_000_000), Instant::now());
        let mut clock = Clock::new(day, since);
        assert_eq!(clock.look(day + SLACK, since), None);
        assert_eq!(clock.look(day, since), None);
    }
}
