//! Running a chunk for a caller who waits for it: within a bound, and not for long.

use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};

use super::{Executor, Made, Recorded, of_event::EventSubscribers, waiting};
use crate::{
    fanout::{Chunk, ChunkDelivery},
    record::Record,
};

impl Executor {
    /// Makes the chunk's deliveries, of all callers at most as many at once as there are `permits`,
    /// and returns those that are recorded. What hasn't its turn by `turn` waits as a row, for a worker.
    pub(crate) async fn run_now(&self, chunk: &Chunk, permits: &Semaphore, turn: Instant) -> Vec<Record> {
        let brought = self.event_subscribers(chunk).await;
        let deliveries =
            chunk.deliveries.iter().map(|delivery| self.deliver_now(chunk, delivery, &brought, permits, turn));
        futures::future::join_all(deliveries).await.into_iter().flatten().collect()
    }

    async fn deliver_now(
        &self,
        chunk: &Chunk,
        delivery: &ChunkDelivery,
        brought: &EventSubscribers,
        permits: &Semaphore,
        turn: Instant,
    ) -> Option<Record> {
        let made = match timeout_at(turn, permits.acquire()).await {
            Ok(Ok(_permit)) => {
                let (event, turn) = self.turn(chunk, delivery, &Recorded::new(), brought).await?;
                self.take(turn, event, delivery).await
            }
            _ => {
                self.counters.put_off();
                let record = waiting(chunk.events.get(delivery.event)?, delivery);
                Made { record, report: None, span: tracing::Span::none() }
            }
        };
        let record = made.record.clone();
        self.record(made).await.then_some(record)
    }
}
