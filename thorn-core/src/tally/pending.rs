//! The sums that aren't written yet.

use std::{collections::HashMap, time::Duration};

use sea_orm::DatabaseConnection;
use tokio::time::Instant;

use super::{
    bucket::{ALL, Bucket},
    sums::Sums,
    upsert::{rows_of_next, upsert},
};
use crate::{
    attempt::{Attempt, DeliveryState},
    db::{transaction::execute_in_own_transaction, with_timeout},
    error::Error,
    id::SubscriptionId,
    timestamp::Timestamp,
};

/// How long sums stay in memory. A worker that is killed loses those of this time.
const WRITE_AFTER: Duration = Duration::from_secs(10);

/// The most sums in memory. They are written early when there are half as many. While the database refuses them, the
/// attempts of further subscriptions count only into the sums of all subscriptions.
pub(super) const MOST: usize = 16_384;

/// The sums of one recorder.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sums: HashMap<Bucket, Sums>,
    /// When they are written.
    due: Option<Instant>,
    /// Those that are being written, statement by statement, sorted from the last to the first.
    leaving: Vec<(Bucket, Sums)>,
    /// Whether the last statement failed.
    has_failed: bool,
}

impl Tally {
    /// Adds attempts, each with the state of its delivery and the time when it ended.
    pub(crate) fn add<'a>(
        &mut self,
        attempts: impl IntoIterator<Item = (SubscriptionId, &'a Attempt, DeliveryState, Timestamp)>,
    ) {
        for (subscription, attempt, state, at) in attempts {
            // Both are looked up for each attempt.
            for bucket in [Bucket::of(subscription, at), Bucket::of(ALL, at)] {
                if bucket.subscription == ALL || self.len() < MOST || self.sums.contains_key(&bucket) {
                    self.sums.entry(bucket).or_default().add(attempt, state, at);
                }
            }
        }
        if self.due.is_none() && !self.sums.is_empty() {
            self.due = Some(Instant::now() + WRITE_AFTER);
        }
        if self.sums.len() >= MOST / 2 && self.leaving.is_empty() && !self.has_failed {
            self.due = Some(Instant::now());
        }
    }

    /// When [`write_some`](Self::write_some) has something to do; `None` if there are no sums.
    pub(crate) fn due(&self) -> Option<Instant> {
        if self.leaving.is_empty() { self.due } else { Some(Instant::now()) }
    }

    /// Writes sums with one statement, if they are due. The caller has other work, which waits for more of them only if
    /// memory fills faster than that.
    pub(crate) async fn write_some(&mut self, db: &DatabaseConnection) {
        if self.leaving.is_empty() && self.due.is_some_and(|due| due <= Instant::now()) {
            self.begin();
        }
        while self.write_next(db).await && self.len() > MOST / 4 * 3 {}
    }

    /// Writes all sums.
    pub(crate) async fn write_all(&mut self, db: &DatabaseConnection) {
        while self.write_next(db).await {}
        self.begin();
        while self.write_next(db).await {}
    }

    /// The number of sums in memory.
    pub(super) fn len(&self) -> usize {
        self.sums.len() + self.leaving.len()
    }

    fn begin(&mut self) {
        self.due = None;
        self.leaving.extend(self.sums.drain());
        self.leaving.sort_unstable_by(|(one, _), (other, _)| other.cmp(one));
    }

    /// Writes the next sums. Returns whether any were written.
    async fn write_next(&mut self, db: &DatabaseConnection) -> bool {
        let rows = rows_of_next(self.leaving.len());
        let mut next = self.leaving.split_off(self.leaving.len() - rows);
        if next.is_empty() {
            return false;
        }
        next.reverse();
        let statement = upsert(db.get_database_backend(), &next);
        let written = async { Ok(execute_in_own_transaction(db, statement).await?) };
        let written: Result<u64, Error> = with_timeout(db, written).await;
        self.has_failed = written.is_err();
        if let Err(error) = &written {
            tracing::warn!(%error, rows, "can't write the sums of attempts, trying again later");
            self.take_back(next);
        }
        written.is_ok()
    }

    /// Keeps sums that couldn't be written, together with those that were to follow.
    fn take_back(&mut self, next: Vec<(Bucket, Sums)>) {
        for (bucket, sums) in next.into_iter().chain(std::mem::take(&mut self.leaving)) {
            self.sums.entry(bucket).or_default().merge(sums);
        }
        self.due = Some(Instant::now() + WRITE_AFTER);
    }
}
