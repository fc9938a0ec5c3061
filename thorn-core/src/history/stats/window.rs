//! The time that figures cover.

use std::time::Duration;

use crate::{
    tally::{FINE_FOR, HOUR, QUARTER, start_of},
    timestamp::Timestamp,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Steps that are chosen if none is given, the finest first.
const STEPS: [Duration; 4] = [QUARTER, HOUR, Duration::from_secs(6 * 60 * 60), DAY];

/// The most steps of a window for which a finer step is chosen.
const MANY: u64 = 200;

/// The most steps of a window.
const MOST: u64 = 1_000;

/// The time that [`Stats`](super::Stats) cover, divided into steps.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use thorn_core::{history::StatsWindow, timestamp::Timestamp};
///
/// let now = Timestamp::from_millis(1_649_367_553_000);
/// let window = StatsWindow::new(None, None, None, now)?;
/// assert_eq!(window.since().to_string(), "2022-04-06T21:30:00.000Z");
/// assert_eq!(window.step(), Duration::from_secs(15 * 60));
///
/// let minute = Some(Duration::from_secs(60));
/// assert_eq!(StatsWindow::new(None, None, minute, now).unwrap_err().parameter, "step");
/// # Ok::<(), thorn_core::history::InvalidStatsWindow>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatsWindow {
    since: Timestamp,
    until: Timestamp,
    step: Duration,
}

/// A window that can't be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{parameter}`: {message}")]
pub struct InvalidStatsWindow {
    /// The wrong parameter of [`StatsWindow::new`].
    pub parameter: &'static str,
    /// The mistake, and what to give instead.
    pub message: String,
}

impl StatsWindow {
    /// A window with the present time `now`. `since` is a day before `until` by default, and rounded down to a whole step;
    /// `until` is `now` by default. The default of `step` depends on the length of the window.
    ///
    /// # Errors
    ///
    /// [`InvalidStatsWindow`] if `since` isn't before `until`, if `step` isn't a multiple of 15 minutes, or of an hour
    /// where the window begins more than two days ago, or if there were more than 1,000 steps.
    pub fn new(
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        step: Option<Duration>,
        now: Timestamp,
    ) -> Result<Self, InvalidStatsWindow> {
        let wrong = |parameter, message: String| Err(InvalidStatsWindow { parameter, message });
        let until = until.unwrap_or(now);
        let since = since.unwrap_or(until - DAY);
        if since >= until {
            return wrong("since", format!("{since} isn't before the end, {until}; give an earlier time"));
        }
        let (finest, why) = match since < now - FINE_FOR {
            true => (HOUR, "1h, since the window begins more than two days ago"),
            false => (QUARTER, "15m"),
        };
        let length = until.since(since);
        let count = |step: Duration| length.as_millis().div_ceil(step.as_millis());
        let step = match step {
            Some(step) if step.is_zero() || step.as_millis() % finest.as_millis() != 0 => {
                return wrong("step", format!("it must be a multiple of {why}"));
            }
            Some(step) => step,
            None => {
                let mut steps = STEPS.into_iter().filter(|step| *step >= finest);
                steps.find(|step| count(*step) <= u128::from(MANY)).unwrap_or(DAY)
            }
        };
        if count(step) > u128::from(MOST) {
            let message =
                format!("there would be {} steps, at most {MOST} are possible; give a longer one", count(step));
            return wrong("step", message);
        }
        Ok(Self { since: start_of(since, step), until, step })
    }

    /// When the window begins.
    #[must_use]
    pub const fn since(self) -> Timestamp {
        self.since
    }

    /// When the window ends.
    #[must_use]
    pub const fn until(self) -> Timestamp {
        self.until
    }

    /// The length of a step.
    #[must_use]
    pub const fn step(self) -> Duration {
        self.step
    }

    /// When each step begins.
    pub(super) fn steps(self) -> impl Iterator<Item = Timestamp> {
        std::iter::successors(Some(self.since), move |at| Some(*at + self.step)).take_while(move |at| *at < self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_649_367_553_000);

    fn ago(duration: Duration) -> Option<Timestamp> {
        Some(NOW - duration)
    }

    #[test]
    fn a_window_has_a_step_that_suits_its_length() {
        for (days, step, steps) in
            [(1, QUARTER, 97), (2, QUARTER, 193), (3, HOUR, 73), (7, HOUR, 169), (30, STEPS[2], 121), (365, DAY, 366)]
        {
            let window = StatsWindow::new(ago(DAY * days), None, None, NOW).unwrap();
            assert_eq!((window.step(), window.steps().count()), (step, steps), "{days} days");
            assert!(window.since() <= NOW - DAY * days && window.steps().last().unwrap() < window.until());
        }
    }

    #[test]
    fn a_step_is_a_multiple_of_what_is_stored_and_there_are_not_too_many() {
        let minutes = |minutes: u64| Some(Duration::from_secs(60 * minutes));
        let new = |since, until, step| StatsWindow::new(since, until, step, NOW);
        let parameter = |since, until, step| new(since, until, step).unwrap_err().parameter;
        for step in [0_u64, 1, 14, 20, 61] {
            assert_eq!(parameter(None, None, minutes(step)), "step", "{step}");
        }
        new(None, None, minutes(45)).unwrap();
        let old = ago(DAY * 3);
        assert_eq!(parameter(old, None, minutes(45)), "step");
        new(old, None, minutes(120)).unwrap();
        let error = new(ago(DAY * 42), None, minutes(60)).unwrap_err();
        assert!(error.parameter == "step" && error.message.contains("1008 steps"), "{error}");
        for since in [NOW, NOW + DAY] {
            assert_eq!(parameter(Some(since), None, None), "since");
        }
        assert_eq!(parameter(ago(DAY), ago(DAY * 2), None), "since");
    }
}
