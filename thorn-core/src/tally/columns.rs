//! The columns of `thorn_tally`.

use sea_orm::{DbErr, FromQueryResult, QueryResult, Value};

use super::{
    bucket::Bucket,
    latencies::{Latencies, RANGES},
    sums::{Failure, Sums},
};
use crate::{id::SubscriptionId, timestamp::Timestamp};

/// The columns that are added up: three kinds of outcomes, and the ranges of durations.
pub(super) const COUNTERS: [&str; 3 + RANGES] = [
    "delivered",
    "failed",
    "dead",
    "ms_5",
    "ms_10",
    "ms_25",
    "ms_50",
    "ms_100",
    "ms_250",
    "ms_500",
    "ms_1000",
    "ms_2500",
    "ms_5000",
    "ms_15000",
    "ms_more",
];

pub(super) const KEY: [&str; 3] = ["subscription_id", "bucket", "minutes"];

/// The columns of the last success and the last failure. `failed_at` is the last, since it decides about the others.
pub(super) const LAST: [&str; 4] = ["delivered_at", "failed_status", "failed_error", "failed_at"];

/// The number of columns.
pub(super) const COLUMNS: usize = KEY.len() + COUNTERS.len() + LAST.len();

/// The names of all columns.
pub(super) fn all() -> String {
    [&KEY[..], &COUNTERS, &LAST].concat().join(", ")
}

/// The values of one row, in the order of [`all`].
pub(super) fn values((bucket, sums): &(Bucket, Sums)) -> [Value; COLUMNS] {
    let count = |count: u32| Value::from(i32::try_from(count).unwrap_or(i32::MAX));
    let failure = sums.failure.as_deref();
    let mut counters = [sums.delivered, sums.failed, sums.dead].into_iter().chain(sums.latencies.0).map(count);
    let mut others = [
        Value::from(sums.delivered_at.map(Timestamp::as_millis)),
        failure.and_then(|failure| failure.status).map(i32::from).into(),
        failure.and_then(|failure| failure.error.clone()).into(),
        failure.map(|failure| failure.at.as_millis()).into(),
    ]
    .into_iter();
    let mut key =
        [bucket.subscription.as_uuid().into(), bucket.start.as_millis().into(), bucket.minutes.into()].into_iter();
    // As many as there are columns.
    std::array::from_fn(|_| {
        let next = key.next().or_else(|| counters.next()).or_else(|| others.next());
        next.unwrap_or(Value::Int(None))
    })
}

/// A row.
pub(super) struct Row {
    pub(super) bucket: Bucket,
    pub(super) sums: Sums,
}

impl FromQueryResult for Row {
    fn from_query_result(row: &QueryResult, prefix: &str) -> Result<Self, DbErr> {
        let count = |column: &str| row.try_get::<i32>(prefix, column).map(|count| u32::try_from(count).unwrap_or(0));
        let time = |column: &str| row.try_get::<Option<i64>>(prefix, column).map(|at| at.map(Timestamp::from_millis));
        let mut latencies = Latencies::default();
        for (range, column) in latencies.0.iter_mut().zip(&COUNTERS[3..]) {
            *range = count(column)?;
        }
        let failure = match time("failed_at")? {
            Some(at) => {
                let status: Option<i32> = row.try_get(prefix, "failed_status")?;
                let status = status.and_then(|status| u16::try_from(status).ok());
                Some(Box::new(Failure { at, status, error: row.try_get(prefix, "failed_error")? }))
            }
            None => None,
        };
        let bucket = Bucket {
            subscription: SubscriptionId::from_uuid(row.try_get(prefix, "subscription_id")?),
            start: Timestamp::from_millis(row.try_get(prefix, "bucket")?),
            minutes: row.try_get(prefix, "minutes")?,
        };
        let sums = Sums {
            delivered: count("delivered")?,
            failed: count("failed")?,
            dead: count("dead")?,
            latencies,
            delivered_at: time("delivered_at")?,
            failure,
        };
        Ok(Self { bucket, sums })
    }
}
