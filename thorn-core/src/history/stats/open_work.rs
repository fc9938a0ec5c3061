//! Counts what waits and what was given up, with a bound on what is read.

use sea_orm::{DatabaseConnection, DbBackend, FromQueryResult};

use crate::{db::statement, error::Error, id::SubscriptionId, timestamp::Timestamp};

/// The most rows that a count looks at.
const MOST: u64 = 10_000;

#[derive(FromQueryResult)]
struct Counted {
    n: i64,
}

#[derive(FromQueryResult)]
struct Waiting {
    n: i64,
    oldest: Option<i64>,
}

/// How many deliveries of a subscription wait, and since when the oldest of them does.
pub(super) async fn waiting(db: &DatabaseConnection, id: SubscriptionId) -> Result<(u64, Option<Timestamp>), Error> {
    let backend = db.get_database_backend();
    // Each condition is that of an index.
    let waits = if backend == DbBackend::MySql { "next_attempt_at > 0" } else { "state = 'waiting'" };
    let sql = format!(
        "SELECT COUNT(*) AS n, MIN(created_at) AS oldest FROM (SELECT created_at FROM thorn_delivery \
         WHERE {waits} AND subscription_id = ? ORDER BY next_attempt_at LIMIT {MOST}) AS waiting"
    );
    let found = Waiting::find_by_statement(statement(backend, &sql, [id.as_uuid().into()])).one(db).await?;
    let found = found.unwrap_or(Waiting { n: 0, oldest: None });
    Ok((u64::try_from(found.n).unwrap_or(0), found.oldest.map(Timestamp::from_millis)))
}

/// How many deliveries to a subscription were given up.
pub(super) async fn dead(db: &DatabaseConnection, id: SubscriptionId) -> Result<u64, Error> {
    let backend = db.get_database_backend();
    let sql = match backend {
        // There is no index of dead deliveries, so only the newest deliveries are looked at.
        DbBackend::MySql => format!(
            "SELECT COUNT(*) AS n FROM (SELECT state FROM thorn_delivery WHERE subscription_id = ? \
             ORDER BY created_at DESC LIMIT {MOST}) AS newest WHERE state = 'dead'"
        ),
        _ => format!(
            "SELECT COUNT(*) AS n FROM (SELECT id FROM thorn_delivery WHERE state = 'dead' AND subscription_id = ? \
             LIMIT {MOST}) AS dead"
        ),
    };
    let found = Counted::find_by_statement(statement(backend, &sql, [id.as_uuid().into()])).one(db).await?;
    Ok(found.map_or(0, |found| u64::try_from(found.n).unwrap_or(0)))
}
