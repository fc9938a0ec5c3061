//! Enqueues waiting deliveries that have become due.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, UpdateMany,
    prelude::Uuid,
    sea_query::{Expr, ExprTrait as _},
};

use super::{Claimed, Progress, Relay, pick::Picked, waiting::Due};
use crate::{
    attempt::DeliveryState,
    db::{one_of, plan_anew, transaction},
    endpoint::{Endpoint, Limited},
    error::Error,
    fanout::{Packer, Row, recipient},
    id::SubscriptionId,
    outbox::StoredEvent,
    tables::{
        delivery::{Column, Entity},
        event,
    },
    timestamp::Timestamp,
};

/// The decisions about the picked deliveries.
#[derive(Default)]
struct Verdicts {
    /// Deliveries by their lease.
    enqueued: BTreeMap<Duration, Vec<Uuid>>,
    cancelled: Vec<Uuid>,
    /// How many deliveries go to each endpoint. The key is the endpoint's address.
    endpoints: HashMap<usize, (Arc<Endpoint>, usize)>,
    /// How many deliveries go to each subscription that limits its requests.
    limited: HashMap<SubscriptionId, (Limited, usize)>,
}

impl Relay {
    /// Enqueues due deliveries, as many as fill `room` tasks.
    ///
    /// Their due time moves on by the lease, so that they are due again if the task gets lost. Deliveries
    /// whose lane is full stay as they are.
    pub(super) async fn claim_due(
        &self,
        now: Timestamp,
        room: usize,
        progress: &mut Progress,
    ) -> Result<Claimed, Error> {
        if progress.busy.is_under_way() {
            return Ok(Claimed::default());
        }
        let Picked { mut rows, left, .. } = self.pick(now, progress).await?;
        if rows.is_empty() {
            if left {
                progress.busy.begin();
            }
            return Ok(Claimed::default());
        }
        let events = self.events(&mut rows, progress).await?;
        let mut packer = Packer::new(self.registry.endpoints(), self.options.chunk);
        let mut verdicts = Verdicts::default();
        let mut probes = Vec::new();
        for row in &rows {
            if let Some(hold) = self.hold(SubscriptionId::from_uuid(row.subscription_id)) {
                probes.push((row.subscription_id, hold));
            }
            self.judge(row, events.get(&row.event_id), &mut packer, &mut verdicts)?;
            progress.last_tenant = self.tenant(row.subscription_id);
            if packer.is_beyond(room) {
                break;
            }
        }
        let tasks = self.queue.seal(packer.chunks())?;
        let claimed = Claimed { tasks: tasks.len(), more: true };
        let txn = transaction::begin(&self.writer).await?;
        let Some(moved) = verdicts.write(&txn, now).await? else {
            txn.rollback().await?;
            tracing::debug!("another relay was first");
            return Ok(Claimed { tasks: 0, more: true });
        };
        for (endpoint, deliveries) in verdicts.endpoints.values() {
            endpoint.expect(*deliveries);
        }
        for (limited, deliveries) in verdicts.limited.values() {
            limited.expect(*deliveries);
        }
        let staged = self.queue.enqueue(&txn, tasks).await?;
        txn.commit().await?;
        staged.send().await;
        for (subscription, hold) in probes {
            progress.probes.picked(subscription, &hold);
        }
        tracing::debug!(deliveries = moved, "enqueued due deliveries");
        Ok(claimed)
    }

    /// Reads the events of these rows, as many as fit into memory, and drops the rows of the others.
    async fn events(&self, rows: &mut Vec<Due>, progress: &mut Progress) -> Result<HashMap<Uuid, StoredEvent>, Error> {
        let (mut ids, limit) = (HashSet::new(), progress.batch.limit());
        rows.retain(|row| ids.contains(&row.event_id) || (ids.len() < limit && ids.insert(row.event_id)));
        let query = event::Entity::find().filter(one_of(&self.db, event::Column::Id, ids));
        let read = progress.batch.read::<event::InOrder, _>(&self.db, query, u64::MAX).await?;
        let events: HashMap<_, _> = read.events.into_iter().map(|event| (event.id.as_uuid(), event)).collect();
        if read.is_full {
            // A missing event may be deleted or merely unread, so its deliveries can't be cancelled now.
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
        let count = |attempts| u32::try_from(attempts).unwrap_or(0);
        let waiting = Row::Waiting { attempts: count(row.attempts), uncounted: count(row.uncounted) };
        if !packer.add(event, &recipient, waiting)? {
            verdicts.cancelled.push(row.id);
            return Ok(());
        }
        let endpoint = self.registry.endpoints().get(recipient.tenant(), &recipient.destination().url);
        if recipient.subscription().is_none() {
            self.registry.endpoints().remember_brought(recipient.id(), endpoint.clone());
        }
        verdicts.endpoints.entry(Arc::as_ptr(&endpoint).addr()).or_insert((endpoint, 0)).1 += 1;
        if let Ok(Some(limited)) = self.limited(id) {
            verdicts.limited.entry(id).or_insert((limited, 0)).1 += 1;
        }
        verdicts.enqueued.entry(self.lease(event)).or_default().push(row.id);
        Ok(())
    }

    /// The lease of the event's deliveries. An event's own deadline may be long, so it is added.
    fn lease(&self, event: &StoredEvent) -> Duration {
        self.options.lease + event.timeout().unwrap_or_default()
    }
}

impl Verdicts {
    /// Writes the verdicts and returns the number of rows; `None` if another relay was first.
    async fn write(&self, txn: &DatabaseTransaction, now: Timestamp) -> Result<Option<usize>, Error> {
        plan_anew(txn).await?;
        let mut moved = self.cancelled.len();
        for (lease, ids) in &self.enqueued {
            let leased = still_due(txn, ids, now)
                .col_expr(Column::NextAttemptAt, Expr::value((now + *lease).as_millis()))
                .exec(txn)
                .await?;
            if leased.rows_affected != ids.len() as u64 {
                return Ok(None);
            }
            moved += ids.len();
        }
        if !self.cancelled.is_empty() {
            still_due(txn, &self.cancelled, now)
                .col_expr(Column::State, Expr::value(DeliveryState::Cancelled.as_str()))
                .col_expr(Column::NextAttemptAt, Expr::value(None::<i64>))
                .exec(txn)
                .await?;
        }
        Ok(Some(moved))
    }
}

/// Updates those of the rows that are still due.
///
/// PostgreSQL may not know yet how many rows have become due, and would go through all of them in the
/// index of due times. COALESCE keeps it from that index, so it finds the rows by their ids.
fn still_due(db: &impl ConnectionTrait, ids: &[Uuid], now: Timestamp) -> UpdateMany<Entity> {
    let due_at = Expr::col(Column::NextAttemptAt).if_null(i64::MAX);
    Entity::update_many().filter(one_of(db, Column::Id, ids.iter().copied())).filter(due_at.lte(now.as_millis()))
}
