//! Rate limits.

use std::{fmt, str::FromStr, time::Duration};

/// The most deliveries in one period.
const MOST: u32 = 10_000;

/// The period over which a [`Rate`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Period {
    /// `s`
    Second,
    /// `m`
    Minute,
    /// `h`
    Hour,
}

/// The most deliveries to a subscription in a period, over all workers: 1 to 10,000.
///
/// Its text has the form `10/s`, `300/m` or `1000/h`. Deliveries are spread over the period. Retries and replays count
/// like first attempts. A response 429 slows all of them.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use thorn_core::subscription::{Period, Rate};
///
/// let rate: Rate = "300/m".parse()?;
/// assert_eq!(Some(rate), Rate::new(300, Period::Minute));
/// assert_eq!(rate.interval(), Duration::from_millis(200));
/// assert!("fast".parse::<Rate>().is_err());
/// # Ok::<(), thorn_core::subscription::ParseRateError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rate {
    deliveries: u32,
    period: Period,
}

/// The text isn't a rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{}` isn't a rate; write 1 to {MOST} and a period, such as 10/s, 300/m or 1000/h", .0.escape_debug())]
pub struct ParseRateError(String);

impl Period {
    const ALL: [Self; 3] = [Self::Second, Self::Minute, Self::Hour];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
        }
    }

    const fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
        }
    }
}

impl Rate {
    /// A rate of 1 to 10,000 deliveries in a period; `None` for other numbers.
    #[must_use]
    pub const fn new(deliveries: u32, period: Period) -> Option<Self> {
        match deliveries {
            1..=MOST => Some(Self { deliveries, period }),
            _ => None,
        }
    }

    /// The time from one delivery to the next.
    #[must_use]
    pub fn interval(self) -> Duration {
        Duration::from_secs(self.period.seconds()) / self.deliveries
    }

    /// The rate of so many deliveries in a minute, or the closest below it; `None` for 0.
    pub(crate) fn of_minute(deliveries: u64) -> Option<Self> {
        let in_a_second = u32::try_from(deliveries / 60).unwrap_or(u32::MAX);
        match u32::try_from(deliveries) {
            Ok(few @ 0..=MOST) => Self::new(few, Period::Minute),
            _ => Self::new(in_a_second.min(MOST), Period::Second),
        }
    }

    /// The deliveries in a minute, rounded down, and at least one.
    pub(crate) fn in_a_minute(self) -> u64 {
        let interval = self.interval().as_nanos().max(1);
        u64::try_from(Duration::from_secs(60).as_nanos() / interval).unwrap_or(u64::MAX).max(1)
    }

    /// The lower of two rates; `None` is no limit.
    #[must_use]
    pub fn lower(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        one.into_iter().chain(other).max_by_key(|rate| rate.interval())
    }

    /// The deliveries of a quarter of a second, at least one.
    pub(crate) const fn batch(self) -> u32 {
        self.deliveries.div_ceil(self.period.seconds() as u32 * 4)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.deliveries, self.period.as_str())
    }
}

impl FromStr for Rate {
    type Err = ParseRateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once('/').and_then(|(deliveries, period)| {
            let period = Period::ALL.into_iter().find(|one| one.as_str() == period)?;
            // `parse` would accept a sign.
            let deliveries =
                deliveries.bytes().all(|byte| byte.is_ascii_digit()).then(|| deliveries.parse().ok())??;
            Self::new(deliveries, period)
        });
        parsed.ok_or_else(|| ParseRateError(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_period() {
        for (text, interval, batch) in [("10/s", 100_000, 3), ("300/m", 200_000, 2), ("1000/h", 3_600_000, 1)] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string(), text);
            assert_eq!(rate.interval().as_micros(), interval, "{text}");
            assert_eq!(rate.batch(), batch, "{text}");
        }
        assert_eq!("10000/s".parse::<Rate>().unwrap().batch(), 2_500);
        for wrong in
            ["", "10", "10/", "/s", "0/s", "10001/s", "+1/s", "-1/s", "1.5/s", "10 / s", "10/d", "10/S", "1/s/s"]
        {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong:?}");
        }
        let error = "fast\n".parse::<Rate>().unwrap_err().to_string();
        assert!(error.contains(r"`fast\n`") && error.contains("10/s"), "{error}");
    }
}
