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

/// The limits of an inline run.
#[derive(Clone, Copy)]
struct Limits<'a> {
    /// Bounds the concurrent deliveries of all callers.
    permits: &'a Semaphore,
    /// A delivery that has no permit by then is left to a worker.
    start_by: Instant,
}

impl Executor {
    /// Makes the chunk's deliveries, each with one of the `permits` that all callers share, and returns those
    /// that are recorded. A delivery without a permit by `start_by` becomes a waiting row for a worker.
    pub(crate) async fn run_inline(&self, chunk: &Chunk, permits: &Semaphore, start_by: Instant) -> Vec<Record> {
        let subscribers = self.event_subscribers(chunk).await;
        let limits = Limits { permits, start_by };
        let deliveries =
            chunk.deliveries.iter().map(|delivery| self.deliver_inline(chunk, delivery, &subscribers, limits));
        join_all(deliveries).await.into_iter().flatten().collect()
    }

    async fn deliver_inline(
        &self,
        chunk: &Chunk,
        delivery: &ChunkDelivery,
        subscribers: &EventSubscribers,
        Limits { permits, start_by }: Limits<'_>,
    ) -> Option<Record> {
        let unrecorded = match timeout_at(start_by, permits.acquire()).await {
            Ok(Ok(_permit)) => {
                let (event, admission) = self.admit(chunk, delivery, &Recorded::default(), subscribers).await?;
                self.deliver(admission, event, delivery).await
            }
            _ => {
                self.counters.put_off();
                let record = waiting(chunk.events.get(delivery.event)?, delivery);
                Unrecorded { record, report: None, span: tracing::Span::none() }
            }
        };
        let record = unrecorded.record.clone();
        self.record(unrecorded).await.then_some(record)
    }
}
