//! Claims events that no relay has taken yet.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect, StreamTrait,
    sea_query::{LockBehavior, LockType},
};

use super::{
    Claimed, Relay,
    batch::{Batch, Read},
};
use crate::{
    db::transaction,
    error::Error,
    fanout::{FanOut, FilterWork, recipients},
    tables::event::{Column, Entity},
    timestamp::Timestamp,
};

impl Relay {
    /// Claims events, at most as many as fill `room` tasks, and enqueues their deliveries.
    pub(super) async fn claim_events(&self, now: Timestamp, room: usize, batch: &mut Batch) -> Result<Claimed, Error> {
        // SQLite has one writer, so the relay prepares all it can before it takes the write lock, and drops
        // the claim if another relay was first. The other databases lock the rows and skip locked ones.
        let early = match self.db.get_database_backend() {
            DbBackend::Sqlite => None,
            _ => Some(transaction::begin(&self.db).await?),
        };
        let Read { events: unrelayed, at_limit, .. } = match &early {
            None => unrelayed(&self.db, batch).await?,
            Some(txn) => unrelayed(txn, batch).await?,
        };
        if unrelayed.is_empty() {
            return Ok(Claimed::default());
        }
        // The refresh comes after the read, so that it includes subscriptions committed before the events.
        let version = match &early {
            None => self.registry.refresh(&self.db).await?,
            Some(txn) => self.registry.refresh(txn).await?,
        };
        self.registry.check_readable()?;
        let mut fan_out = FanOut::new(self.registry.endpoints(), self.options.chunk);
        let (mut taken, mut work) = (0, FilterWork::default());
        for event in &unrelayed {
            fan_out.add(event, &recipients(&self.registry, event, &mut work))?;
            taken += 1;
            // The rows that were read are locked, and everybody's events wait for the end of the turn.
            if fan_out.packer.is_beyond(room) || work.is_much() {
                break;
            }
        }
        batch.used(taken, unrelayed.len());
        let FanOut { packer, marks } = fan_out;
        let deliveries = packer.deliveries();
        let tasks = self.queue.seal(packer.chunks())?;
        let claimed = Claimed { tasks: tasks.len(), more: at_limit || taken < unrelayed.len() };
        let txn = match early {
            Some(txn) => txn,
            None => transaction::begin(&self.db).await?,
        };
        let audit_at = now + self.options.audit_after;
        if marks.mark(&txn, free(), now, version, audit_at).await? != taken {
            txn.rollback().await?;
            tracing::debug!("another relay was first");
            return Ok(Claimed { tasks: 0, more: true });
        }
        let staged = self.queue.enqueue(&txn, tasks).await?;
        txn.commit().await?;
        staged.send().await;
        self.counters.relayed(taken);
        tracing::debug!(events = taken, deliveries, "relayed");
        Ok(claimed)
    }
}

async fn unrelayed<C>(db: &C, batch: &mut Batch) -> Result<Read, Error>
where
    C: ConnectionTrait + StreamTrait + Send,
{
    let mut query = Entity::find().filter(free()).order_by_asc(Column::Id);
    if ConnectionTrait::get_database_backend(db) != DbBackend::Sqlite {
        query = query.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    batch.read(db, query, u64::MAX).await
}

/// Events that no relay has taken and that go to the queue.
fn free() -> Condition {
    Condition::all().add(Column::RelayedAt.is_null()).add(Column::Dispatcher.is_null())
}
