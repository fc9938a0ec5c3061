//! The reconciler: what was fanned out is compared with what was recorded, and what is missing is
//! enqueued again. A lost task, a flushed queue or a bug in it costs time, never a delivery.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Value, prelude::Uuid,
    sea_query::Expr,
};

use super::{Relay, batch::Batch};
use crate::{
    db::{statement, transaction},
    error::Error,
    fanout::{Packer, recipients},
    outbox::StoredEvent,
    tables::{
        delivery,
        event::{Column, Entity},
    },
    timestamp::Timestamp,
};

/// Events looked into at once.
const EVENTS_PER_AUDIT: u64 = 200;

/// Audits for which a task that is still in the queue excuses what isn't recorded.
const PATIENCE: u32 = 10;

impl Relay {
    /// Settles events all of whose deliveries are recorded; enqueues what is missing of the others.
    /// Stops looking when there are as many tasks as the queue has room for.
    pub(super) async fn reconcile(&self, now: Timestamp, room: usize, batch: &mut Batch) -> Result<usize, Error> {
        let freed = self.free_abandoned(now).await?;
        self.settle_complete(now).await?;
        let open = Entity::find()
            .filter(Column::AuditAt.lte(now.as_millis()))
            // A hold that was committed since is no fan-out.
            .filter(Column::Fanout.is_not_null())
            .order_by_asc(Column::AuditAt);
        let open = batch.read(&self.db, open, EVENTS_PER_AUDIT).await?.events;
        if open.is_empty() {
            return Ok(freed);
        }
        self.registry.refresh(&self.db).await?;
        self.registry.check_readable()?;
        let oldest = self.queue.oldest().await?;
        let mut packer = Packer::new(self.registry.endpoints(), self.options.chunk).checked();
        let (mut settled, mut postponed) = (Vec::new(), Vec::new());
        for event in &open {
            // While a task of the time it was enqueued is under way, its deliveries aren't missing yet.
            // Half the distance is left for clocks that disagree.
            let enqueued_at = event.audit_at.unwrap_or(Timestamp::from_millis(0)) - self.options.audit_after;
            let in_queue = oldest.is_some_and(|oldest| oldest <= enqueued_at + self.options.audit_after / 2);
            // A task that stays there for ever must not keep everything after it from being missed.
            let relayed_at = event.relayed_at.unwrap_or(Timestamp::from_millis(0));
            let under_way = in_queue && now.since(relayed_at) < self.options.audit_after * PATIENCE;
            if !under_way && packer.is_beyond(room) {
                // As it is, it is looked into at the next audit.
                continue;
            }
            if under_way || self.add_missing(event, &mut packer).await? {
                postponed.push(event.id.as_uuid());
            } else {
                settled.push(event.id.as_uuid());
            }
        }
        let missing = packer.deliveries();
        let tasks = packer.finish()?;
        let looked_into = settled.len() + postponed.len();
        let txn = transaction::begin(&self.db).await?;
        let mut mine = set_audit(&txn, settled, None, now).await?;
        mine += set_audit(&txn, postponed, Some(now + self.options.audit_after), now).await?;
        if mine != looked_into as u64 {
            txn.rollback().await?;
            tracing::debug!("another reconciler was first");
            return Ok(freed);
        }
        let staged = self.queue.enqueue(&txn, tasks).await?;
        txn.commit().await?;
        staged.send().await;
        if missing > 0 {
            self.counters.recovered(missing);
            tracing::warn!(deliveries = missing, "the queue lost deliveries; they were enqueued again");
        }
        Ok(missing + freed)
    }

    /// Frees events that somebody has held for longer than delivering them, or handing them to a
    /// dispatcher, takes.
    async fn free_abandoned(&self, now: Timestamp) -> Result<usize, Error> {
        let free = Entity::update_many()
            .col_expr(Column::RelayedAt, Expr::value(None::<i64>))
            .col_expr(Column::AuditAt, Expr::value(None::<i64>))
            .filter(Column::AuditAt.lte(now.as_millis()))
            .filter(Column::Fanout.is_null());
        let freed =
            transaction::execute_in_own_transaction(&self.db, free.build(self.db.get_database_backend())).await?;
        if freed > 0 {
            tracing::info!(events = freed, "not delivered by who had taken them; they are free again");
        }
        Ok(usize::try_from(freed).unwrap_or(usize::MAX))
    }

    /// Most events are complete: one statement settles them all.
    async fn settle_complete(&self, now: Timestamp) -> Result<(), Error> {
        let sql = "UPDATE thorn_event SET audit_at = NULL WHERE audit_at <= ? AND fanout <= \
                   (SELECT COUNT(*) FROM thorn_delivery WHERE thorn_delivery.event_id = thorn_event.id)";
        let values = [Value::from(now.as_millis())];
        transaction::execute_in_own_transaction(&self.db, statement(self.db.get_database_backend(), sql, values))
            .await?;
        Ok(())
    }

    /// Packs deliveries that were fanned out and have no row; `false` if there is none left. Who
    /// subscribed after the fan-out isn't owed anything, nor is who left since, was enabled since, or
    /// hears of other events since: nobody knows whether it had heard of this one.
    async fn add_missing(&self, event: &StoredEvent, packer: &mut Packer<'_>) -> Result<bool, Error> {
        let recorded: HashSet<Uuid> = delivery::Entity::find()
            .select_only()
            .column(delivery::Column::SubscriptionId)
            .filter(delivery::Column::EventId.eq(event.id.as_uuid()))
            .into_tuple()
            .all(&self.db)
            .await?
            .into_iter()
            .collect();
        let version = event.registry_version.unwrap_or(i64::MAX);
        let mut found = false;
        for recipient in recipients(&self.registry, event) {
            let matched_then = recipient
                .subscription()
                .is_none_or(|subscription| subscription.created_version.max(subscription.matches_version) <= version);
            if matched_then && !recorded.contains(&recipient.id().as_uuid()) {
                found |= packer.add(event, &recipient, 0, false)?;
            }
        }
        Ok(found)
    }
}

/// Of those that are still to be audited; returns how many these were.
async fn set_audit<C: ConnectionTrait>(
    db: &C,
    ids: Vec<Uuid>,
    at: Option<Timestamp>,
    now: Timestamp,
) -> Result<u64, Error> {
    if ids.is_empty() {
        return Ok(0);
    }
    let set = Entity::update_many()
        .col_expr(Column::AuditAt, Expr::value(at.map(Timestamp::as_millis)))
        .filter(Column::Id.is_in(ids))
        .filter(Column::AuditAt.lte(now.as_millis()))
        .exec(db)
        .await?;
    Ok(set.rows_affected)
}
