//! Reads waiting deliveries: the oldest ones, and those of given subscriptions.

use sea_orm::{DbBackend, FromQueryResult, Value, prelude::Uuid};

use super::Relay;
use crate::{db::statement, error::Error, timestamp::Timestamp};

/// A delivery that is due.
#[derive(FromQueryResult)]
pub(super) struct Due {
    pub(super) id: Uuid,
    pub(super) event_id: Uuid,
    pub(super) subscription_id: Uuid,
    pub(super) attempts: i32,
    pub(super) uncounted: i32,
    pub(super) next_attempt_at: i64,
}

#[derive(FromQueryResult)]
struct Found {
    id: Uuid,
}

/// The condition of the index by subscription. The index by due time has another one, so that no plan
/// confuses the two: PostgreSQL may not know yet how many rows wait.
const WAITS: &str = "state = 'waiting'";

/// The condition on MySQL. MySQL has no partial index, and in this one nulls come before waiting rows.
const WAITS_ON_MYSQL: &str = "next_attempt_at > 0";

impl Relay {
    /// The deliveries with the oldest due times, at most `limit`.
    pub(super) async fn oldest_due(&self, now: Timestamp, limit: usize) -> Result<Vec<Due>, Error> {
        // PostgreSQL estimates from statistics that may be from a time when few rows were due, and would
        // sort all of them. It makes no such estimate for a subquery.
        let sql = "SELECT id, event_id, subscription_id, attempts, uncounted, next_attempt_at FROM thorn_delivery \
                   WHERE next_attempt_at <= (SELECT ?) ORDER BY next_attempt_at LIMIT ?";
        let values = [Value::from(now.as_millis()), i64::try_from(limit).unwrap_or(i64::MAX).into()];
        Ok(Due::find_by_statement(statement(self.db.get_database_backend(), sql, values)).all(&self.db).await?)
    }

    /// The next `limit` subscriptions after `cursor` that have waiting deliveries.
    ///
    /// Each costs one step in the index, however many deliveries wait for it. MySQL also returns
    /// subscriptions whose deliveries are all finished.
    pub(super) async fn subscriptions_after(&self, cursor: Uuid, limit: usize) -> Result<Vec<Uuid>, Error> {
        let backend = self.db.get_database_backend();
        let next = format!("SELECT subscription_id FROM thorn_delivery WHERE {WAITS} AND subscription_id > ");
        let sql = match backend {
            DbBackend::MySql => format!(
                "SELECT subscription_id AS id FROM thorn_delivery WHERE subscription_id > ? \
                 GROUP BY subscription_id ORDER BY subscription_id LIMIT {limit}"
            ),
            _ => format!(
                "WITH RECURSIVE waiting (id, n) AS (\
                   SELECT ({next}? ORDER BY subscription_id LIMIT 1), 1 \
                   UNION ALL SELECT ({next}waiting.id ORDER BY subscription_id LIMIT 1), n + 1 \
                   FROM waiting WHERE id IS NOT NULL AND n < {limit}\
                 ) SELECT id FROM waiting WHERE id IS NOT NULL"
            ),
        };
        let found = Found::find_by_statement(statement(backend, &sql, [Value::from(cursor)])).all(&self.db).await?;
        Ok(found.into_iter().map(|found| found.id).collect())
    }

    /// The due deliveries of these subscriptions, the oldest first, each with its own limit.
    pub(super) async fn due_of(&self, of: &[(Uuid, usize)], now: Timestamp) -> Result<Vec<Due>, Error> {
        let backend = self.db.get_database_backend();
        let waits = if backend == DbBackend::MySql { WAITS_ON_MYSQL } else { WAITS };
        let one = format!(
            "SELECT * FROM (SELECT id, event_id, subscription_id, attempts, uncounted, next_attempt_at FROM thorn_delivery \
             WHERE {waits} AND subscription_id = ? ORDER BY next_attempt_at LIMIT ?) AS one"
        );
        // Connections keep statements prepared, so there should be few different texts. A nil id matches no row.
        let texts = of.len().next_power_of_two();
        let of = of.iter().copied().chain(std::iter::repeat((Uuid::nil(), 0))).take(texts);
        let values = of.flat_map(|(id, most)| [Value::from(id), i64::try_from(most).unwrap_or(i64::MAX).into()]);
        let sql = vec![one; texts].join(" UNION ALL ");
        let mut rows = Due::find_by_statement(statement(backend, &sql, values)).all(&self.db).await?;
        rows.retain(|row| row.next_attempt_at <= now.as_millis());
        Ok(rows)
    }
}
