//! Claiming events nobody has relayed yet.

use std::collections::BTreeMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    prelude::Uuid,
    sea_query::{Expr, LockBehavior, LockType},
};

use super::{EVENTS_PER_CLAIM, Relay, pack::Packer};
use crate::{
    Error, Timestamp,
    outbox::entity::{Column, Entity, Model},
    transaction,
};

impl Relay {
    /// Claims events, at most as many as fill `room` tasks, and enqueues their deliveries.
    pub(super) async fn claim_events(&self, now: Timestamp, room: usize) -> Result<usize, Error> {
        // SQLite has one writer: everything that can be is done before its lock is taken, and a claim
        // that lost the race is dropped. The others lock the rows they read, and skip those of others.
        let early = match self.db.get_database_backend() {
            DbBackend::Sqlite => None,
            _ => Some(transaction::begin(&self.db).await?),
        };
        let unrelayed = match &early {
            None => unrelayed(&self.db).await?,
            Some(txn) => unrelayed(txn).await?,
        };
        if unrelayed.is_empty() {
            return Ok(0);
        }
        // After the events were read, so that a subscription that was committed before an event is known.
        let version = self.registry.refresh(&self.db).await?;
        self.registry.check_readable()?;
        let mut packer = Packer::new(&self.lanes, self.options.chunk);
        let mut claim = Claim { now, version, audit_at: now + self.options.audit_after, by_fanout: BTreeMap::new() };
        let mut hearers = Vec::new();
        let mut taken = 0;
        for event in &unrelayed {
            self.hearers(event, &mut hearers)?;
            for subscription in &hearers {
                packer.add(event, subscription, 0, false)?;
            }
            claim.by_fanout.entry(hearers.len()).or_default().push(event.id);
            taken += 1;
            if packer.is_beyond(room) {
                break;
            }
        }
        let deliveries = packer.deliveries();
        let tasks = packer.finish()?;
        let txn = match early {
            Some(txn) => txn,
            None => transaction::begin(&self.db).await?,
        };
        if claim.mark(&txn).await? != taken {
            txn.rollback().await?;
            tracing::debug!("another relay was first");
            return Ok(taken);
        }
        self.queue.enqueue(&txn, &tasks).await?;
        txn.commit().await?;
        self.queue.wake();
        self.counters.relayed(taken);
        tracing::debug!(events = taken, deliveries, tasks = tasks.len(), "relayed");
        Ok(taken)
    }
}

async fn unrelayed<C: ConnectionTrait>(db: &C) -> Result<Vec<Model>, Error> {
    let mut query = Entity::find().filter(Column::RelayedAt.is_null()).order_by_asc(Column::Id).limit(EVENTS_PER_CLAIM);
    if db.get_database_backend() != DbBackend::Sqlite {
        query = query.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked);
    }
    Ok(query.all(db).await?)
}

/// What is written about the events of a claim.
struct Claim {
    now: Timestamp,
    version: i64,
    audit_at: Timestamp,
    by_fanout: BTreeMap<usize, Vec<Uuid>>,
}

impl Claim {
    /// Marks the events as relayed, one statement for all with the same number of deliveries, and
    /// returns how many were not relayed before.
    async fn mark(&self, txn: &DatabaseTransaction) -> Result<usize, Error> {
        let mut marked = 0;
        for (fanout, ids) in &self.by_fanout {
            let audit_at = (*fanout > 0).then_some(self.audit_at.as_millis());
            let done = Entity::update_many()
                .col_expr(Column::RelayedAt, Expr::value(self.now.as_millis()))
                .col_expr(Column::Fanout, Expr::value(i32::try_from(*fanout).unwrap_or(i32::MAX)))
                .col_expr(Column::RegistryVersion, Expr::value(self.version))
                .col_expr(Column::AuditAt, Expr::value(audit_at))
                .filter(Column::Id.is_in(ids.iter().copied()))
                .filter(Column::RelayedAt.is_null())
                .exec(txn)
                .await?;
            marked += usize::try_from(done.rows_affected).unwrap_or(usize::MAX);
        }
        Ok(marked)
    }
}
