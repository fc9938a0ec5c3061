//! Claims events that no relay has taken yet.

use sea_orm::DbBackend;

use super::{
    Claimed, Progress, Relay,
    queue_room::Room,
    senders::{Turns, Waiting, free},
};
use crate::{
    db::transaction,
    error::Error,
    fanout::{FanOut, FilterWork, recipients},
    timestamp::Timestamp,
};

impl Relay {
    /// Claims events, at most as many as fill the room, and enqueues their deliveries.
    pub(super) async fn claim_events(
        &self,
        now: Timestamp,
        room: Room,
        progress: &mut Progress,
    ) -> Result<Claimed, Error> {
        let Progress { senders, batch, .. } = progress;
        // SQLite has one writer, so the relay prepares all it can before it takes the write lock, and drops
        // the claim if another relay was first. The other databases lock the rows and skip locked ones.
        let early = match self.db.get_database_backend() {
            DbBackend::Sqlite => None,
            _ => Some(transaction::begin(&self.db).await?),
        };
        let Waiting { events, at_limit, walk } = match &early {
            None => senders.waiting(&self.db, room, batch).await?,
            Some(txn) => senders.waiting(txn, room, batch).await?,
        };
        if events.is_empty() {
            return Ok(Claimed::default());
        }
        // The refresh comes after the read, so that it includes subscriptions committed before the events.
        let version = match &early {
            None => self.registry.refresh(&self.db).await?,
            Some(txn) => self.registry.refresh(txn).await?,
        };
        self.registry.check_readable()?;
        let mut fan_out = FanOut::new(self.registry.endpoints(), self.options.chunk);
        let (mut turns, mut work) = (Turns::new(&events), FilterWork::default());
        let (mut taken, most) = (0, room.most());
        while let Some((turn, event)) = turns.next() {
            let before = fan_out.packer.deliveries();
            fan_out.add(event, &recipients(&self.registry, event, &mut work))?;
            turns.took(turn, fan_out.packer.deliveries() - before);
            taken += 1;
            // The rows that were read are locked, and everybody's events wait for the end of the turn.
            if fan_out.packer.is_beyond(most) || work.is_much() {
                break;
            }
        }
        if room.tasks > 0 {
            batch.used(taken, events.len());
        }
        let FanOut { packer, marks } = fan_out;
        let deliveries = packer.deliveries();
        let tasks = self.queue.seal(packer.chunks())?;
        let claimed = Claimed { tasks: tasks.len(), more: at_limit || taken < events.len() };
        let txn = match early {
            Some(txn) => txn,
            None => transaction::begin(&self.writer).await?,
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
        senders.claimed(&turns, walk);
        self.counters.relayed(taken);
        tracing::debug!(events = taken, deliveries, "relayed");
        Ok(claimed)
    }
}
