//! Runs a chunk for a caller who waits for it: with bounded concurrency, and for a limited time.

use futures::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::{
    address::Found, admission::Admission, deliver::Unrecorded, executor::Executor, of_event::EventSubscribers,
    recorded::Recorded, undecided::Verdicts, waiting::waiting,
};
use crate::{
    fanout::{Chunk, ChunkDelivery, ChunkEvent},
    record::Record,
    tenant::{Shares, Tenant},
};

impl Executor {
    /// Makes the chunk's deliveries, each with one of the `permits` that all callers share, and returns those that are
    /// recorded. An owner gets a share of the permits, so that no caller waits for somebody else's receivers. A delivery that can't begin before [`until`](Self::until) becomes a waiting row for a worker.
    pub(crate) async fn run_inline(&self, chunk: &Chunk, permits: &Shares) -> Vec<Record> {
        let subscribers = self.event_subscribers(chunk).await;
        let verdicts = Verdicts::default();
        let deliver = |delivery| self.deliver_inline(chunk, delivery, &subscribers, &verdicts, permits);
        let deliveries = chunk.deliveries.iter().map(deliver);
        join_all(deliveries).await.into_iter().flatten().collect()
    }

    async fn deliver_inline(
        &self,
        chunk: &Chunk,
        delivery: &ChunkDelivery,
        subscribers: &EventSubscribers,
        verdicts: &Verdicts,
        permits: &Shares,
    ) -> Option<Record> {
        let owner = self.owner(chunk, delivery, subscribers);
        let admitted = async {
            let permit = permits.part(owner).await.permit().await;
            (permit, self.admitted(chunk, delivery, subscribers, verdicts).await)
        };
        let admitted = match self.until {
            // An attempt that was given up at the deadline leaves a permit behind, which comes too late.
            Some(until) => timeout_at(until, admitted).await.ok().filter(|_| Instant::now() < until),
            None => Some(admitted.await),
        };
        let unrecorded = match admitted {
            Some((_permit, admitted)) => {
                let (event, admission) = admitted?;
                self.deliver(admission, event, delivery).await
            }
            None => {
                if delivery.undecided {
                    // A row would be sent without a look at the filter. The reconciler enqueues the delivery.
                    return None;
                }
                self.counters.put_off();
                let record = waiting(chunk.events.get(delivery.event)?, delivery);
                Unrecorded { record, report: None, room: None, span: tracing::Span::none() }
            }
        };
        let record = unrecorded.record.clone();
        self.record(unrecorded).await.then_some(record)
    }

    /// Waits until the delivery may be made. `None` if a worker must decide.
    async fn admitted<'a>(
        &self,
        chunk: &'a Chunk,
        delivery: &'a ChunkDelivery,
        subscribers: &'a EventSubscribers,
        verdicts: &Verdicts,
    ) -> Option<(&'a ChunkEvent, Admission<'a>)> {
        let recorded = Recorded::default();
        match self.find(chunk, delivery, &recorded, subscribers, verdicts).await {
            Found::Left => None,
            Found::Refused(event, why) => Some((event, why)),
            Found::Addressed(one) => Some((one.event, self.admit(Box::new(one), &recorded).await?)),
        }
    }

    /// The owner whose share of the permits the delivery takes. The operator may use all of them.
    fn owner(&self, chunk: &Chunk, delivery: &ChunkDelivery, subscribers: &EventSubscribers) -> Option<Tenant> {
        let event = chunk.events.get(delivery.event)?;
        let tenant = match subscribers.get(event.id, delivery.subscription).filter(|_| delivery.of_event) {
            Some((stored, _)) => stored.tenant(),
            None => Tenant::of(self.registry.get(delivery.subscription)?.owner.as_deref()),
        };
        Some(tenant).filter(|tenant| *tenant != Tenant::default())
    }
}
