//! What a relay does when the clock was set back while a worker runs.
//!
//! Due times are times of day, so that any worker on any machine can read them. Set back by an hour, a
//! clock would keep everything that waits waiting for an hour more; so the worker that sees it brings
//! that forward. Several may see it, each brings it forward, and some of it comes early.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Value};

use super::Relay;
use crate::{db::statement, error::Error, timestamp::Timestamp};

impl Relay {
    /// What waits comes as much earlier as the clock was set back, but not before now.
    pub(super) async fn bring_forward(&self, by: Duration, now: Timestamp) -> Result<(), Error> {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        for (table, column) in [("thorn_delivery", "next_attempt_at"), ("thorn_event", "audit_at")] {
            let sql = format!(
                "UPDATE {table} SET {column} = CASE WHEN {column} > ? THEN {column} - ? ELSE ? END WHERE {column} > ?"
            );
            let now = now.as_millis();
            let values = [now.saturating_add(by), by, now, now].map(Value::from);
            self.db.execute_raw(statement(self.db.get_database_backend(), &sql, values)).await?;
        }
        Ok(())
    }
}
