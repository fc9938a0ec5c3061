//! The reconciler: compares the deliveries of each fan-out with the recorded ones, and enqueues the missing
//! ones again. A lost task, a flushed queue or a bug in the queue costs time, never a delivery.

use std::collections::HashSet;

use sea_orm::{
    ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Value, prelude::Uuid,
    sea_query::Expr,
};

use super::{Relay, batch::Batch};
use crate::{
    db::{one_of, plan_anew, recheck, statement, transaction},
    error::Error,
    fanout::{FilterWork, Packer, Row, recipients},
    outbox::StoredEvent,
    tables::{
        delivery,
        event::{Column, Entity, InOrder},
    },
    timestamp::Timestamp,
};

/// The most events of one audit.
const EVENTS_PER_AUDIT: u64 = 200;

/// After this many audits, an event is checked even if a task of its time is still in the queue.
const PATIENCE: u32 = 10;

impl Relay {
    /// Settles events whose deliveries are all recorded, and enqueues the missing deliveries of the others,
    /// as many as fill `room` tasks. Returns how many events it freed and deliveries it enqueued.
    pub(super) async fn reconcile(&self, now: Timestamp, room: usize, batch: &mut Batch) -> Result<usize, Error> {
        let freed = self.free_abandoned(now).await?;
        self.settle_complete(now).await?;
        let open = Entity::find()
            .filter(Column::AuditAt.lte(now.as_millis()))
            // Another process may have committed a hold in the meantime. A hold isn't a fan-out.
            .filter(Column::Fanout.is_not_null())
            .order_by_asc(Column::AuditAt);
        let open = batch.read::<InOrder, _>(&self.db, open, EVENTS_PER_AUDIT).await?.events;
        if open.is_empty() {
            return Ok(freed);
        }
        self.registry.refresh(&self.db).await?;
        self.registry.check_readable()?;
        let oldest = self.queue.oldest().await?;
        let mut packer = Packer::new(self.registry.endpoints(), self.options.chunk).checked();
        let (mut settled, mut postponed, mut work) = (Vec::new(), Vec::new(), FilterWork::default());
        for event in &open {
            // While a task from the time of the fan-out is in the queue, the deliveries aren't missing yet.
            // Half of `audit_after` allows for clocks that disagree.
            let enqueued_at = event.audit_at.unwrap_or(Timestamp::from_millis(0)) - self.options.audit_after;
            let in_queue = oldest.is_some_and(|oldest| oldest <= enqueued_at + self.options.audit_after / 2);
            // A task that stays in the queue for ever must not excuse every later event.
            let relayed_at = event.relayed_at.unwrap_or(Timestamp::from_millis(0));
            let under_way = in_queue && now.since(relayed_at) < self.options.audit_after * PATIENCE;
            if !under_way && (packer.is_beyond(room) || work.is_much()) {
                // The event stays open, so the next audit checks it.
                continue;
            }
            if under_way || self.add_missing(event, &mut packer, &mut work).await? {
                postponed.push(event.id.as_uuid());
            } else {
                settled.push(event.id.as_uuid());
            }
        }
        let missing = packer.deliveries();
        let tasks = self.queue.seal(packer.chunks())?;
        let looked_into = settled.len() + postponed.len();
        let txn = transaction::begin(&self.writer).await?;
        plan_anew(&txn).await?;
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

    /// Frees events that inline delivery or a dispatcher took and didn't finish in time.
    async fn free_abandoned(&self, now: Timestamp) -> Result<usize, Error> {
        let free = Entity::update_many()
            .col_expr(Column::RelayedAt, Expr::value(None::<i64>))
            .col_expr(Column::AuditAt, Expr::value(None::<i64>))
            .filter(Column::AuditAt.lte(now.as_millis()))
            .filter(Column::Fanout.is_null());
        let freed =
            transaction::execute_in_own_transaction(&self.writer, free.build(self.db.get_database_backend())).await?;
        if freed > 0 {
            tracing::info!(events = freed, "freed events whose inline delivery or dispatcher didn't finish");
        }
        Ok(usize::try_from(freed).unwrap_or(usize::MAX))
    }

    /// Settles complete events, which nearly all are, with one statement.
    async fn settle_complete(&self, now: Timestamp) -> Result<(), Error> {
        let sql = "UPDATE thorn_event SET audit_at = NULL WHERE audit_at <= ? AND fanout <= \
                   (SELECT COUNT(*) FROM thorn_delivery WHERE thorn_delivery.event_id = thorn_event.id)";
        let values = [Value::from(now.as_millis())];
        transaction::execute_in_own_transaction(&self.writer, statement(self.db.get_database_backend(), sql, values))
            .await?;
        Ok(())
    }

    /// Packs the event's deliveries that have no row. Returns whether there is one.
    ///
    /// Subscriptions created, deleted, re-enabled or repatterned since the fan-out are skipped: it is
    /// unknown whether they matched.
    async fn add_missing(
        &self,
        event: &StoredEvent,
        packer: &mut Packer<'_>,
        work: &mut FilterWork,
    ) -> Result<bool, Error> {
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
        for recipient in recipients(&self.registry, event, work) {
            let matched_then = recipient
                .subscription()
                .is_none_or(|subscription| subscription.created_version.max(subscription.matches_version) <= version);
            if matched_then && !recorded.contains(&recipient.id().as_uuid()) {
                found |= packer.add(event, &recipient, Row::Missing)?;
            }
        }
        Ok(found)
    }
}

/// Sets the next audit of those events that are still due for one. Returns how many these were.
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
        .filter(one_of(db, Column::Id, ids))
        .filter(recheck(Column::AuditAt.lte(now.as_millis()).into()))
        .exec(db)
        .await?;
    Ok(set.rows_affected)
}
