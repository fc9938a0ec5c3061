//! Corrects due times after the clock was set.
//!
//! Due times are times of day, so that any worker on any machine can read them. After the clock is set
//! back by an hour, every waiting delivery would wait an hour longer. The worker that notices moves the
//! due times forward. Several workers may notice, and each moves them, so some deliveries come early.

use std::time::Duration;

use sea_orm::{ConnectionTrait, Value};
use tokio::time::Instant;

use super::{Progress, Relay};
use crate::{
    clock::Jump,
    db::{statement, with_timeout},
    error::Error,
    subscription::UNTIL_RESUMED,
    timestamp::Timestamp,
};

impl Relay {
    /// Corrects due times and the next audit if the clock was set since the last turn.
    pub(super) async fn follow_clock(&self, now: Timestamp, progress: &mut Progress) -> Result<(), Error> {
        let before = progress.clock;
        let Some(jump) = progress.clock.observe(now, Instant::now()) else { return Ok(()) };
        tracing::warn!(?jump, "the clock was set");
        match jump {
            // A delivery under way isn't missing. The audit gives it as much time as ever.
            Jump::Forward(_) => progress.audits.postpone(self.options.audit_after),
            Jump::Backward(by) => {
                let brought = with_timeout(&self.db, self.bring_forward(by, now)).await;
                // The next turn must notice the jump again.
                brought.inspect_err(|_| progress.clock = before)?;
            }
        }
        Ok(())
    }

    /// Moves due times forward by as much as the clock was set back, but not to before now.
    async fn bring_forward(&self, by: Duration, now: Timestamp) -> Result<(), Error> {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        for (table, column) in [("thorn_delivery", "next_attempt_at"), ("thorn_event", "audit_at")] {
            let sql = format!(
                "UPDATE {table} SET {column} = CASE WHEN {column} > ? THEN {column} - ? ELSE ? END \
                 WHERE {column} > ? AND {column} < ?"
            );
            let now = now.as_millis();
            // Deliveries of paused subscriptions wait for no time.
            let values = [now.saturating_add(by), by, now, now, UNTIL_RESUMED.as_millis()].map(Value::from);
            self.db.execute_raw(statement(self.db.get_database_backend(), &sql, values)).await?;
        }
        Ok(())
    }
}
