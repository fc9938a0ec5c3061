//! Going from subscription to subscription through what waits, so that no backlog hides another's.

use sea_orm::{DbBackend, FromQueryResult, Value, prelude::Uuid};

use super::{Relay, pick::Due};
use crate::{db::statement, error::Error, timestamp::Timestamp};

/// Subscriptions of one hop.
pub(super) const SUBSCRIPTIONS: usize = 32;

#[derive(FromQueryResult)]
struct Found {
    id: Uuid,
}

/// That a row waits, in the words of the index by subscription. They aren't those of the index by due
/// time, so that no plan takes one for the other: PostgreSQL may not know yet how much waits.
const WAITS: &str = "state = 'waiting'";

/// The same on MySQL, which has no partial index and in this one nulls before all that waits.
const WAITS_ON_MYSQL: &str = "next_attempt_at > 0";

impl Relay {
    /// The next subscriptions after this one that have something waiting. However much waits for
    /// each, it costs a step in the index. MySQL gives those that have or had deliveries.
    pub(super) async fn subscriptions_after(&self, cursor: Uuid) -> Result<Vec<Uuid>, Error> {
        let backend = self.db.get_database_backend();
        let next = format!("SELECT subscription_id FROM thorn_delivery WHERE {WAITS} AND subscription_id > ");
        let sql = match backend {
            DbBackend::MySql => format!(
                "SELECT subscription_id AS id FROM thorn_delivery WHERE subscription_id > ? \
                 GROUP BY subscription_id ORDER BY subscription_id LIMIT {SUBSCRIPTIONS}"
            ),
            _ => format!(
                "WITH RECURSIVE waiting (id, n) AS (\
                   SELECT ({next}? ORDER BY subscription_id LIMIT 1), 1 \
                   UNION ALL SELECT ({next}waiting.id ORDER BY subscription_id LIMIT 1), n + 1 \
                   FROM waiting WHERE id IS NOT NULL AND n < {SUBSCRIPTIONS}\
                 ) SELECT id FROM waiting WHERE id IS NOT NULL"
            ),
        };
        let found = Found::find_by_statement(statement(backend, &sql, [Value::from(cursor)])).all(&self.db).await?;
        Ok(found.into_iter().map(|found| found.id).collect())
    }

    /// What is due of each of these subscriptions, the oldest first, and at most as much as is asked
    /// for of each.
    pub(super) async fn due_of(&self, of: &[(Uuid, usize)], now: Timestamp) -> Result<Vec<Due>, Error> {
        let backend = self.db.get_database_backend();
        let waits = if backend == DbBackend::MySql { WAITS_ON_MYSQL } else { WAITS };
        let one = format!(
            "SELECT * FROM (SELECT id, event_id, subscription_id, attempts, next_attempt_at FROM thorn_delivery \
             WHERE {waits} AND subscription_id = ? ORDER BY next_attempt_at LIMIT ?) AS one"
        );
        // Few different texts, for statements are kept prepared; a nil id finds nothing.
        let texts = of.len().next_power_of_two();
        let of = of.iter().copied().chain(std::iter::repeat((Uuid::nil(), 0))).take(texts);
        let values = of.flat_map(|(id, most)| [Value::from(id), i64::try_from(most).unwrap_or(i64::MAX).into()]);
        let sql = vec![one; texts].join(" UNION ALL ");
        let mut rows = Due::find_by_statement(statement(backend, &sql, values)).all(&self.db).await?;
        rows.retain(|row| row.next_attempt_at <= now.as_millis());
        Ok(rows)
    }
}
