//! Enqueuing deliveries that had to wait and are due.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, QueryFilter, UpdateMany,
    prelude::Uuid,
    sea_query::{Expr, ExprTrait as _},
};
use tokio::time::Instant;

use super::{
    BUSY, Claimed, Progress, Relay,
    pick::{Due, Picked},
};
use crate::{
    attempt::DeliveryState,
    db::transaction,
    endpoint::Endpoint,
    error::Error,
    fanout::{Packer, recipient},
    id::SubscriptionId,
    outbox::StoredEvent,
    tables::{
        delivery::{Column, Entity},
        event,
    },
    timestamp::Timestamp,
};

/// What becomes of the rows that were picked.
#[derive(Default)]
struct Verdicts {
    /// By how long their tasks may take.
    enqueued: BTreeMap<Duration, Vec<Uuid>>,
    cancelled: Vec<Uuid>,
    /// How many deliveries go to each endpoint.
    endpoints: HashMap<String, (Arc<Endpoint>, usize)>,
}

impl Relay {
    /// Enqueues due deliveries, as many as fill `room` tasks. Their due time moves on by the lease: should
    /// the task get lost, they are simply due again. Those whose lane is full aren't touched.
    pub(super) async fn claim_due(
        &self,
        now: Timestamp,
        room: usize,
        progress: &mut Progress,
    ) -> Result<Claimed, Error> {
        if progress.busy_until.is_some_and(|until| Instant::now() < until) {
            return Ok(Claimed::default());
        }
        progress.busy_until = None;
        let Picked { mut rows, left, .. } = self.pick(now, progress).await?;
        if rows.is_empty() {
            if left {
                progress.busy_until = Some(Instant::now() + BUSY);
            }
            return Ok(Claimed::default());
        }
        let events = self.events(&mut rows, progress).await?;
        let mut packer = Packer::new(self.registry.endpoints(), self.options.chunk);
        let mut verdicts = Verdicts::default();
        for row in &rows {
            self.judge(row, events.get(&row.event_id), &mut packer, &mut verdicts)?;
            if packer.is_beyond(room) {
                break;
            }
        }
        let tasks = packer.finish()?;
        let claimed = Claimed { tasks: tasks.len(), more: true };
        let txn = transaction::begin(&self.db).await?;
        let Some(moved) = verdicts.write(&txn, now).await? else {
            txn.rollback().await?;
            tracing::debug!("another relay was first");
            return Ok(Claimed { tasks: 0, more: true });
        };
        for (endpoint, deliveries) in verdicts.endpoints.values() {
            endpoint.expect(*deliveries);
        }
        let staged = self.queue.enqueue(&txn, tasks).await?;
        txn.commit().await?;
        staged.send().await;
        tracing::debug!(deliveries = moved, "enqueued what was due");
        Ok(claimed)
    }

    /// The events of these rows, as many as are read at once. Rows of the others are left out.
    async fn events(&self, rows: &mut Vec<Due>, progress: &mut Progress) -> Result<HashMap<Uuid, StoredEvent>, Error> {
        let (mut ids, limit) = (HashSet::new(), progress.batch.limit());
        rows.retain(|row| ids.contains(&row.event_id) || (ids.len() < limit && ids.insert(row.event_id)));
        let query = event::Entity::find().filter(event::Column::Id.is_in(ids));
        let read = progress.batch.read(&self.db, query, u64::MAX).await?;
        let events: HashMap<_, _> = read.events.into_iter().map(|event| (event.id.as_uuid(), event)).collect();
        if read.is_full {
            // Whether the others are still there isn't known.
            rows.retain(|row| events.contains_key(&row.event_id));
        }
        Ok(events)
    }

    fn judge(
        &self,
        row: &Due,
        event: Option<&StoredEvent>,
        packer: &mut Packer<'_>,
        verdicts: &mut Verdicts,
    ) -> Result<(), Error> {
        let id = SubscriptionId::from_uuid(row.subscription_id);
        let recipient = event.and_then(|event| recipient(&self.registry, event, id));
        let (Some(event), Some(recipient)) = (event, recipient) else {
            verdicts.cancelled.push(row.id);
            return Ok(());
        };
        if !packer.add(event, &recipient, u32::try_from(row.attempts).unwrap_or(0), true)? {
            verdicts.cancelled.push(row.id);
            return Ok(());
        }
        let endpoint = self.registry.endpoints().get(&recipient.destination().url);
        if recipient.subscription().is_none() {
            self.registry.endpoints().remember_brought(recipient.id(), endpoint.clone());
        }
        verdicts.endpoints.entry(endpoint.url().to_owned()).or_insert((endpoint, 0)).1 += 1;
        verdicts.enqueued.entry(self.lease(event)).or_default().push(row.id);
        Ok(())
    }

    /// An event's own deadline, which may be longer than any other, comes on top.
    fn lease(&self, event: &StoredEvent) -> Duration {
        self.options.lease + event.timeout().unwrap_or_default()
    }
}

impl Verdicts {
    /// Writes them, and returns of how many rows; `None` if another relay was first.
    async fn write(&self, txn: &DatabaseTransaction, now: Timestamp) -> Result<Option<usize>, Error> {
        let mut moved = self.cancelled.len();
        for (lease, ids) in &self.enqueued {
            let leased = still_due(ids, now)
                .col_expr(Column::NextAttemptAt, Expr::value((now + *lease).as_millis()))
                .exec(txn)
                .await?;
            if leased.rows_affected != ids.len() as u64 {
                return Ok(None);
            }
            moved += ids.len();
        }
        if !self.cancelled.is_empty() {
            still_due(&self.cancelled, now)
                .col_expr(Column::State, Expr::value(DeliveryState::Cancelled.as_str()))
                .col_expr(Column::NextAttemptAt, Expr::value(None::<i64>))
                .exec(txn)
                .await?;
        }
        Ok(Some(moved))
    }
}

/// Found by their ids: PostgreSQL, which may not know yet how many rows have become due, would go
/// through all of them instead, if COALESCE didn't keep it from the index of due times.
fn still_due(ids: &[Uuid], now: Timestamp) -> UpdateMany<Entity> {
    let due_at = Expr::col(Column::NextAttemptAt).if_null(i64::MAX);
    Entity::update_many().filter(Column::Id.is_in(ids.iter().copied())).filter(due_at.lte(now.as_millis()))
}
