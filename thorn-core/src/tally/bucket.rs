//! The periods that sums belong to.

use std::time::Duration;

use crate::{id::SubscriptionId, timestamp::Timestamp};

const MINUTE: Duration = Duration::from_secs(60);

/// The length of a subscription's periods at first.
pub(crate) const QUARTER: Duration = Duration::from_secs(15 * 60);

/// The length of a period later.
pub(crate) const HOUR: Duration = Duration::from_secs(60 * 60);

/// How long sums of a minute or a quarter of an hour are kept, before they become those of an hour.
pub(crate) const FINE_FOR: Duration = Duration::from_secs(48 * 60 * 60);

/// The subscription whose sums are those of all subscriptions.
pub(super) const ALL: SubscriptionId = SubscriptionId::from_uuid(uuid::Uuid::nil());

/// The period of a subscription's sums. Periods sort like the primary key of `thorn_tally`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Bucket {
    pub(super) subscription: SubscriptionId,
    pub(super) start: Timestamp,
    pub(super) minutes: i32,
}

/// The minutes of each length of period, the shortest first.
pub(super) const LENGTHS: [i32; 3] = [minutes(MINUTE), minutes(QUARTER), minutes(HOUR)];

impl Bucket {
    /// The period that an attempt at this moment belongs to.
    pub(super) fn of(subscription: SubscriptionId, at: Timestamp) -> Self {
        let length = if subscription == ALL { MINUTE } else { QUARTER };
        Self { subscription, start: start_of(at, length), minutes: minutes(length) }
    }

    /// The hour that the period belongs to.
    pub(super) fn hour(self) -> Self {
        Self { start: start_of(self.start, HOUR), minutes: minutes(HOUR), ..self }
    }
}

/// The start of the period with this length that a moment belongs to.
pub(crate) fn start_of(at: Timestamp, length: Duration) -> Timestamp {
    let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(at.as_millis().div_euclid(length) * length)
}

const fn minutes(length: Duration) -> i32 {
    (length.as_secs() / 60) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_at_whole_minutes_quarters_and_hours() {
        let at = Timestamp::from_millis(1_649_367_553_250);
        let id = SubscriptionId::generate();
        let (quarter, minute) = (Bucket::of(id, at), Bucket::of(ALL, at));
        assert_eq!((quarter.start.to_string().as_str(), quarter.minutes), ("2022-04-07T21:30:00.000Z", 15));
        assert_eq!((minute.start.to_string().as_str(), minute.minutes), ("2022-04-07T21:39:00.000Z", 1));
        for bucket in [quarter, minute] {
            let hour = bucket.hour();
            assert_eq!((hour.start.to_string().as_str(), hour.minutes), ("2022-04-07T21:00:00.000Z", 60));
        }
        assert_eq!(start_of(Timestamp::from_millis(-1), HOUR).as_millis(), -3_600_000);
    }
}
