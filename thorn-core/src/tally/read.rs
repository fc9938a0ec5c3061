//! Reads sums.

use sea_orm::{DatabaseConnection, FromQueryResult};

use super::{
    columns::{self, Row},
    sums::{Failure, Sums},
};
use crate::{db::statement, error::Error, id::SubscriptionId, timestamp::Timestamp};

/// The sums of one period.
pub(crate) struct Tallied {
    pub(crate) start: Timestamp,
    pub(crate) sums: Sums,
}

/// A subscription's sums of the periods that begin within this time, the oldest first.
pub(crate) async fn tallies(
    db: &DatabaseConnection,
    id: SubscriptionId,
    since: Timestamp,
    until: Timestamp,
) -> Result<Vec<Tallied>, Error> {
    let sql = format!(
        "SELECT {} FROM thorn_tally WHERE subscription_id = ? AND bucket >= ? AND bucket < ? ORDER BY bucket",
        columns::all()
    );
    let values = [id.as_uuid().into(), since.as_millis().into(), until.as_millis().into()];
    let rows = Row::find_by_statement(statement(db.get_database_backend(), &sql, values)).all(db).await?;
    Ok(rows.into_iter().map(|row| Tallied { start: row.bucket.start, sums: row.sums }).collect())
}

/// When an attempt last succeeded, as far as sums are kept.
pub(crate) async fn latest_success(db: &DatabaseConnection, id: SubscriptionId) -> Result<Option<Timestamp>, Error> {
    Ok(latest_with(db, id, "delivered").await?.and_then(|sums| sums.delivered_at))
}

/// The last failed attempt, as far as sums are kept.
pub(crate) async fn latest_failure(db: &DatabaseConnection, id: SubscriptionId) -> Result<Option<Failure>, Error> {
    Ok(latest_with(db, id, "failed").await?.and_then(|sums| sums.failure).map(|failure| *failure))
}

/// The sums of the latest period in which a counter isn't zero. It passes at most the periods of one subscription.
async fn latest_with(db: &DatabaseConnection, id: SubscriptionId, counter: &str) -> Result<Option<Sums>, Error> {
    let sql = format!(
        "SELECT {} FROM thorn_tally WHERE subscription_id = ? AND {counter} > 0 ORDER BY bucket DESC LIMIT 1",
        columns::all()
    );
    let found = Row::find_by_statement(statement(db.get_database_backend(), &sql, [id.as_uuid().into()]));
    Ok(found.one(db).await?.map(|row| row.sums))
}
