//! Retention: deletes old events with their bodies, deliveries and attempts, and expired answers.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Statement,
    Value,
    prelude::Uuid,
    sea_query::{Expr, ExprTrait},
};

use super::Relay;
use crate::{
    db::{one_of, plan_anew, transaction},
    error::Error,
    idempotency::forget_expired,
    log,
    tables::{
        cloud_event, delivery,
        delivery::attempt,
        event::{Column, Entity},
        payload,
    },
    timestamp::Timestamp,
};

/// Events deleted with one commit.
const EVENTS_PER_COMMIT: u64 = 200;

/// Commits of one audit. The bound keeps a long clean-up from delaying deliveries.
const COMMITS: usize = 5;

/// The events that a retention time applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// Events that no subscription matched.
    Unmatched,
    /// Every event whose deliveries are all finished.
    Finished,
}

impl Relay {
    /// Deletes events that are older than their retention time, a bounded number, and answers that aren't remembered any
    /// more. Returns how many events.
    pub(super) async fn retain(&self, now: Timestamp) -> Result<usize, Error> {
        forget_expired(&self.db, now).await?;
        let mut deleted = 0;
        if let Some(keep) = self.keep_unmatched().await? {
            deleted += self.delete_older(now, keep, Kept::Unmatched).await?;
        }
        if let Some(keep) = self.options.keep {
            deleted += self.delete_older(now, keep, Kept::Finished).await?;
        }
        Ok(deleted)
    }

    /// How long events are kept that no subscription matched. The default doesn't apply while the log is on, because its
    /// readers may want events that no subscription matches.
    async fn keep_unmatched(&self) -> Result<Option<Duration>, Error> {
        match self.options.keep_unmatched {
            Some(keep) if keep == self.options.default_keep_unmatched && log::is_on(&self.db).await? => Ok(None),
            chosen => Ok(chosen),
        }
    }

    async fn delete_older(&self, now: Timestamp, age: Duration, kept: Kept) -> Result<usize, Error> {
        let mut deleted = 0;
        for _ in 0..COMMITS {
            let events = self.ids_before(now - age, kept).await?;
            let count = events.len();
            if count > 0 {
                self.delete(events).await?;
                deleted += count;
            }
            if count < usize::try_from(EVENTS_PER_COMMIT).unwrap_or(usize::MAX) {
                break;
            }
        }
        if deleted > 0 {
            tracing::info!(events = deleted, "deleted events after their retention time");
        }
        Ok(deleted)
    }

    /// Ids of the oldest events from before that moment that need no further work.
    async fn ids_before(&self, before: Timestamp, kept: Kept) -> Result<Vec<Uuid>, Error> {
        let due = Expr::col(delivery::Column::NextAttemptAt);
        let waits = match self.db.get_database_backend() {
            DbBackend::MySql => due.is_not_null(),
            // The same condition in a form that keeps PostgreSQL from scanning the index of all waiting rows.
            _ => due.if_null(0).gt(0),
        };
        let waiting = delivery::Entity::find()
            .select_only()
            .column(delivery::Column::Id)
            .filter(Expr::col((delivery::Entity, delivery::Column::EventId)).equals((Entity, Column::Id)))
            .filter(waits)
            .into_query();
        let old = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Id.lt(first_id_at(before)))
            .filter(Column::CreatedAt.lt(before.as_millis()))
            .filter(Column::RelayedAt.is_not_null())
            .filter(Column::AuditAt.is_null());
        let old = match kept {
            // The 0 isn't bound, because a plan for any value couldn't use the partial index on 0.
            Kept::Unmatched => old.filter(Expr::cust("fanout = 0")),
            Kept::Finished => old.filter(Expr::exists(waiting).not()),
        };
        Ok(old.order_by_asc(Column::Id).limit(EVENTS_PER_COMMIT).into_tuple().all(&self.db).await?)
    }

    async fn delete(&self, events: Vec<Uuid>) -> Result<(), Error> {
        let txn = transaction::begin(&self.writer).await?;
        plan_anew(&txn).await?;
        delete_attempts(&txn, &events).await?;
        delivery::Entity::delete_many()
            .filter(one_of(&txn, delivery::Column::EventId, events.iter().copied()))
            .exec(&txn)
            .await?;
        payload::Entity::delete_many()
            .filter(one_of(&txn, payload::Column::EventId, events.iter().copied()))
            .exec(&txn)
            .await?;
        cloud_event::Entity::delete_many()
            .filter(cloud_event::Column::EventId.is_in(events.iter().copied()))
            .exec(&txn)
            .await?;
        log::note_deletion(&txn, &events).await?;
        Entity::delete_many().filter(one_of(&txn, Column::Id, events)).exec(&txn).await?;
        txn.commit().await?;
        Ok(())
    }
}

async fn delete_attempts<C: ConnectionTrait>(db: &C, events: &[Uuid]) -> Result<(), Error> {
    if db.get_database_backend() == DbBackend::MySql {
        // With `IN (SELECT …)`, MariaDB would read every attempt in the table.
        let marks = vec!["?"; events.len()].join(", ");
        let sql = format!(
            "DELETE thorn_attempt FROM thorn_attempt \
             JOIN thorn_delivery ON thorn_delivery.id = thorn_attempt.delivery_id WHERE event_id IN ({marks})"
        );
        let values = events.iter().copied().map(Value::from);
        db.execute_raw(Statement::from_sql_and_values(DbBackend::MySql, sql, values)).await?;
        return Ok(());
    }
    let deliveries = delivery::Entity::find()
        .select_only()
        .column(delivery::Column::Id)
        .filter(one_of(db, delivery::Column::EventId, events.iter().copied()))
        .into_query();
    attempt::Entity::delete_many().filter(attempt::Column::DeliveryId.in_subquery(deliveries)).exec(db).await?;
    Ok(())
}

/// The smallest id an event of this moment can have.
///
/// Ids begin with 48 bits of milliseconds (RFC 9562, section 5.7), so the primary key finds old events.
fn first_id_at(moment: Timestamp) -> Uuid {
    let millis = u64::try_from(moment.as_millis()).unwrap_or(0);
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    Uuid::from_bytes(bytes)
}
