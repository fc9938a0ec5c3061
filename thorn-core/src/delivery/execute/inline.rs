//! Runs a chunk for a caller who waits for it: with bounded concurrency, and for a limited time.

use futures::future::join_all;
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::{
    deliver::Unrecorded, executor::Executor, of_event::EventSubscribers, recorded::Recorded, waiting::waiting,
};
use crate::{
    fanout::{Chunk, ChunkDelivery},
    record::Record,
};

impl Executor {
    /// Makes the chunk's deliveries, each with one of the `permits` that all callers share, and returns those
    /// that are recorded. A delivery that can't begin before [`until`](Self::until) becomes a waiting row for a worker.
    pub(crate) async fn run_inline(&self, chunk: &Chunk, permits: &Semaphore) -> Vec<Record> {
        let subscribers = self.event_subscribers(chunk).await;
        let deliveries =
            chunk.deliveries.iter().map(|delivery| self.deliver_inline(chunk, delivery, &subscribers, permits));
        join_all(deliveries).await.into_iter().flatten().collect()
    }

    async fn deliver_inline(
        &self,
        chunk: &Chunk,
        delivery: &ChunkDelivery,
        subscribers: &EventSubscribers,
        permits: &Semaphore,
    ) -> Option<Record> {
        let admitted = async {
            let permit = permits.acquire().await.ok();
            (permit, self.admit(chunk, delivery, &Recorded::default(), subscribers).await)
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
}
