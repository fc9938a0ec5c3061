//! Turns old sums into those of whole hours, and deletes those that are older than the history.

use std::{collections::BTreeMap, time::Duration};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, FromQueryResult, Value, prelude::Uuid};

use super::{
    bucket::{Bucket, FINE_FOR, HOUR, LENGTHS, start_of},
    columns::{self, Row},
    sums::Sums,
    upsert::{rows_of_next, upsert},
};
use crate::{
    db::{statement, transaction},
    error::Error,
    timestamp::Timestamp,
};

/// Rows of one commit.
const ROWS: usize = 500;

/// Commits of one run for each length of period.
const COMMITS: usize = 20;

#[derive(FromQueryResult)]
struct Oldest {
    bucket: i64,
}

#[derive(FromQueryResult)]
struct Found {
    subscription_id: Uuid,
}

/// Merges the sums of minutes and quarters of an hour that are older than two days, and deletes those that are older
/// than `keep`. Each run does a bounded number. Any number of workers may do it at once.
pub(crate) async fn retain(db: &DatabaseConnection, now: Timestamp, keep: Option<Duration>) -> Result<(), Error> {
    for minutes in LENGTHS {
        for _ in 0..COMMITS {
            let length = Duration::from_secs(60) * u32::try_from(minutes).unwrap_or(0);
            let deleted = match keep {
                // A period is over when its last moment is.
                Some(keep) => delete_before(db, minutes, now - keep - length).await?,
                None => false,
            };
            let merged = length < HOUR && merge_before(db, minutes, start_of(now - FINE_FOR, HOUR)).await?;
            if !deleted && !merged {
                break;
            }
        }
    }
    Ok(())
}

/// The oldest period of this length that begins before a moment.
async fn oldest(db: &DatabaseConnection, minutes: i32, before: Timestamp) -> Result<Option<i64>, Error> {
    let sql = "SELECT bucket FROM thorn_tally WHERE minutes = ? AND bucket < ? ORDER BY bucket LIMIT 1";
    let values = [minutes.into(), before.as_millis().into()];
    let found = Oldest::find_by_statement(statement(db.get_database_backend(), sql, values)).one(db).await?;
    Ok(found.map(|oldest| oldest.bucket))
}

/// Deletes rows of the oldest period. Returns whether there were any.
async fn delete_before(db: &DatabaseConnection, minutes: i32, before: Timestamp) -> Result<bool, Error> {
    let Some(bucket) = oldest(db, minutes, before).await? else { return Ok(false) };
    let sql = format!("SELECT subscription_id FROM thorn_tally WHERE minutes = ? AND bucket = ? LIMIT {ROWS}");
    let values = [minutes.into(), bucket.into()];
    let found = Found::find_by_statement(statement(db.get_database_backend(), &sql, values)).all(db).await?;
    delete(db, minutes, bucket, found.iter().map(|found| found.subscription_id)).await?;
    Ok(true)
}

/// Adds rows of the oldest hour that has finer ones to those of the hour. Returns whether there were any.
async fn merge_before(db: &DatabaseConnection, minutes: i32, before: Timestamp) -> Result<bool, Error> {
    let Some(bucket) = oldest(db, minutes, before).await? else { return Ok(false) };
    let hour = start_of(Timestamp::from_millis(bucket), HOUR);
    let txn = transaction::begin(db).await?;
    // Another worker may merge at the same time. On SQLite the transaction has the only lock.
    let lock = if txn.get_database_backend() == DbBackend::Sqlite { "" } else { "FOR UPDATE SKIP LOCKED" };
    let sql = format!(
        "SELECT {} FROM thorn_tally WHERE minutes = ? AND bucket >= ? AND bucket < ? \
         ORDER BY bucket, subscription_id LIMIT {ROWS} {lock}",
        columns::all()
    );
    let values = [minutes.into(), hour.as_millis().into(), (hour + HOUR).as_millis().into()];
    let rows = Row::find_by_statement(statement(txn.get_database_backend(), &sql, values)).all(&txn).await?;
    if rows.is_empty() {
        // Another worker merges them, or has just done it.
        txn.rollback().await?;
        return Ok(false);
    }
    for rows in rows.chunk_by(|one, other| one.bucket.start == other.bucket.start) {
        let Some(first) = rows.first() else { continue };
        let of = rows.iter().map(|row| row.bucket.subscription.as_uuid());
        delete(&txn, minutes, first.bucket.start.as_millis(), of).await?;
    }
    let mut hours: BTreeMap<Bucket, Sums> = BTreeMap::new();
    for row in rows {
        hours.entry(row.bucket.hour()).or_default().merge(row.sums);
    }
    let hours: Vec<_> = hours.into_iter().collect();
    let mut rest = &hours[..];
    while !rest.is_empty() {
        let (next, after) = rest.split_at(rows_of_next(rest.len()));
        txn.execute_raw(upsert(txn.get_database_backend(), next)).await?;
        rest = after;
    }
    txn.commit().await?;
    Ok(true)
}

async fn delete<C: ConnectionTrait>(
    db: &C,
    minutes: i32,
    bucket: i64,
    of: impl ExactSizeIterator<Item = Uuid>,
) -> Result<(), Error> {
    let marks = vec!["?"; of.len()].join(", ");
    let sql = format!("DELETE FROM thorn_tally WHERE minutes = ? AND bucket = ? AND subscription_id IN ({marks})");
    let values = [minutes.into(), bucket.into()].into_iter().chain(of.map(Value::from));
    db.execute_raw(statement(db.get_database_backend(), &sql, values)).await?;
    Ok(())
}
