//! Enqueuing deliveries that had to wait and are due.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, Value, prelude::Uuid, sea_query::Expr};

use super::{
    Relay,
    pack::{Packer, stored_options},
};
use crate::{
    Error, SubscriptionId, Timestamp,
    outbox::entity as event,
    record::{
        DeliveryState,
        entity::{Column, Entity},
    },
    statement::statement,
    transaction,
};

/// The oldest due rows that are looked at in one turn.
const WINDOW: i64 = 5_000;

/// Rows of one subscription in one turn, so that one endpoint's backlog doesn't hide the others'.
const PER_SUBSCRIPTION: i64 = 64;

/// Rows of one turn.
const PER_TURN: i64 = 500;

#[derive(FromQueryResult)]
struct Due {
    id: Uuid,
    event_id: Uuid,
    subscription_id: Uuid,
    attempts: i32,
}

impl Relay {
    /// Enqueues due deliveries, oldest first. Their due time moves on by the lease: should the task
    /// get lost, they are simply due again.
    pub(super) async fn claim_due(&self, now: Timestamp) -> Result<usize, Error> {
        let due = self.due(now).await?;
        if due.is_empty() {
            return Ok(0);
        }
        self.registry.refresh(&self.db).await?;
        self.registry.check_readable()?;
        let events = self.events(&due).await?;
        let mut packer = Packer::new(&self.lanes, self.options.chunk);
        let mut enqueued: BTreeMap<Duration, Vec<Uuid>> = BTreeMap::new();
        let mut cancelled = Vec::new();
        for row in &due {
            let event = events.get(&row.event_id);
            let hearer = match event {
                Some(event) => self.hearer(event, SubscriptionId::from_uuid(row.subscription_id))?,
                None => None,
            };
            match (event, hearer) {
                (Some(event), Some(subscription)) => {
                    if packer.add(event, &subscription, u32::try_from(row.attempts).unwrap_or(0), true)? {
                        enqueued.entry(self.lease(event)).or_default().push(row.id);
                    } else {
                        cancelled.push(row.id);
                    }
                }
                _ => cancelled.push(row.id),
            }
        }
        let tasks = packer.finish()?;
        let txn = transaction::begin(&self.db).await?;
        let still_due = |ids: Vec<Uuid>| {
            Entity::update_many().filter(Column::Id.is_in(ids)).filter(Column::NextAttemptAt.lte(now.as_millis()))
        };
        for (lease, ids) in enqueued {
            let claimed = ids.len() as u64;
            let leased = still_due(ids)
                .col_expr(Column::NextAttemptAt, Expr::value((now + lease).as_millis()))
                .exec(&txn)
                .await?;
            if leased.rows_affected != claimed {
                txn.rollback().await?;
                tracing::debug!("another relay was first");
                return Ok(due.len());
            }
        }
        if !cancelled.is_empty() {
            still_due(cancelled)
                .col_expr(Column::State, Expr::value(DeliveryState::Cancelled.as_str()))
                .col_expr(Column::NextAttemptAt, Expr::value(None::<i64>))
                .exec(&txn)
                .await?;
        }
        let staged = self.queue.enqueue(&txn, tasks).await?;
        txn.commit().await?;
        staged.send().await;
        tracing::debug!(deliveries = due.len(), "enqueued what was due");
        Ok(due.len())
    }

    /// An event's own deadline, which may be longer than any other, comes on top.
    fn lease(&self, event: &event::Model) -> Duration {
        let own = stored_options(event).and_then(|options| options.timeout);
        self.options.lease + own.unwrap_or_default()
    }

    async fn due(&self, now: Timestamp) -> Result<Vec<Due>, Error> {
        let backend = self.db.get_database_backend();
        let sql = "SELECT id, event_id, subscription_id, attempts FROM (\
               SELECT id, event_id, subscription_id, attempts, next_attempt_at, \
                      ROW_NUMBER() OVER (PARTITION BY subscription_id ORDER BY next_attempt_at) AS place \
               FROM (SELECT id, event_id, subscription_id, attempts, next_attempt_at FROM thorn_delivery \
                     WHERE next_attempt_at <= ? ORDER BY next_attempt_at LIMIT ?) AS oldest) AS placed \
             WHERE place <= ? ORDER BY next_attempt_at LIMIT ?";
        let values = [now.as_millis(), WINDOW, PER_SUBSCRIPTION, PER_TURN].map(Value::from);
        Ok(Due::find_by_statement(statement(backend, sql, values)).all(&self.db).await?)
    }

    async fn events(&self, due: &[Due]) -> Result<HashMap<Uuid, event::Model>, Error> {
        let ids = due.iter().map(|row| row.event_id);
        let rows = event::Entity::find().filter(event::Column::Id.is_in(ids)).all(&self.db).await?;
        Ok(rows.into_iter().map(|row| (row.id, row)).collect())
    }
}
