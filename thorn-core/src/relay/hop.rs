//! Going from subscription to subscription through what waits, so that no backlog hides another's.

use sea_orm::{DbBackend, FromQueryResult, Value, prelude::Uuid};

use super::{Relay, pick::Due};
use crate::{Error, Timestamp, statement::statement};

/// Subscriptions of one hop.
pub(super) const SUBSCRIPTIONS: usize = 32;

#[derive(FromQueryResult)]
struct Found {
    id: Uuid,
}

impl Relay {
    /// The next subscriptions after this one that have something waiting. However much waits for
    /// each, it costs a step in the index. MySQL, which has no partial index, gives those that have
    /// or had deliveries.
    pub(super) async fn subscriptions_after(&self, cursor: Uuid) -> Result<Vec<Uuid>, Error> {
        let backend = self.db.get_database_backend();
        let next = "SELECT subscription_id FROM thorn_delivery \
                    WHERE next_attempt_at IS NOT NULL AND subscription_id > ";
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
        let one = "SELECT * FROM (SELECT id, event_id, subscription_id, attempts FROM thorn_delivery \
                   WHERE subscription_id = ? AND next_attempt_at <= ? ORDER BY next_attempt_at LIMIT ?) AS one";
        // Few different texts, for statements are kept prepared; a nil id finds nothing.
        let texts = of.len().next_power_of_two();
        let of = of.iter().copied().chain(std::iter::repeat((Uuid::nil(), 0))).take(texts);
        let values = of.flat_map(|(subscription, most)| {
            [Value::from(subscription), now.as_millis().into(), i64::try_from(most).unwrap_or(i64::MAX).into()]
        });
        let sql = vec![one; texts].join(" UNION ALL ");
        Ok(Due::find_by_statement(statement(backend, &sql, values)).all(&self.db).await?)
    }
}
