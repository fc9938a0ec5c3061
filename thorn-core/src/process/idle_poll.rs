//! Pauses of a task that looks for committed events.

use std::time::Duration;

/// Pause after a hint that came before its commit.
const AFTER_EARLY_HINT: Duration = Duration::from_millis(1);

/// How long a task that follows hints pauses before it looks for work again.
///
/// A hint may come before the commit that it announces. The task then looks again after a millisecond,
/// and after pauses that double until they reach the usual one.
#[derive(Debug)]
pub(crate) struct IdlePoll {
    usual: Duration,
    after_hint: Duration,
    pause: Duration,
}

impl IdlePoll {
    pub(crate) fn new(usual: Duration, early_hints: bool) -> Self {
        let after_hint = if early_hints { AFTER_EARLY_HINT.min(usual) } else { usual };
        Self { usual, after_hint, pause: usual }
    }

    pub(crate) const fn pause(&self) -> Duration {
        self.pause
    }

    /// A hint ended the pause.
    pub(crate) const fn hinted(&mut self) {
        self.pause = self.after_hint;
    }

    /// The pause is over without a hint.
    pub(crate) fn paused(&mut self) {
        self.pause = (self.pause * 2).min(self.usual);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_after_an_early_hint_until_they_are_as_long_as_usual() {
        let millis = Duration::from_millis;
        let mut idle = IdlePoll::new(millis(5), true);
        idle.paused();
        assert_eq!(idle.pause(), millis(5));
        idle.hinted();
        for expected in [1, 2, 4, 5, 5] {
            assert_eq!(idle.pause(), millis(expected));
            idle.paused();
        }
        let mut idle = IdlePoll::new(millis(5), false);
        idle.hinted();
        assert_eq!(idle.pause(), millis(5), "the hint came with its commit");
    }
}
