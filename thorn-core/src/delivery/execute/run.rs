//! Runs a task of the queue.

use futures::{StreamExt as _, stream::FuturesUnordered};

use super::{executor::Executor, of_event::EventSubscribers, recorded::Recorded, undecided::Verdicts};
use crate::{
    db::with_timeout,
    fanout::{Chunk, ChunkDelivery},
    queue::Task,
};

impl Executor {
    /// Runs a task's chunk. Returns when all its deliveries are recorded; then the task may be
    /// acknowledged.
    pub(crate) async fn run(&self, Task { mut chunk, attempt }: Task) {
        self.prepare(&mut chunk).await;
        // An edit or a deletion takes effect at once. If the database is unavailable, the last known state is used.
        let refresh = async { self.registry.refresh(&self.db).await.map(drop) };
        if let Err(error) = with_timeout(&self.db, refresh).await {
            tracing::warn!(%error, "can't refresh the subscriptions; using the last known ones");
        }
        let recorded = self.recorded(&chunk, attempt).await;
        let subscribers = self.event_subscribers(&chunk).await;
        let verdicts = Verdicts::default();
        let mut running: FuturesUnordered<_> = chunk
            .deliveries
            .iter()
            .map(|delivery| self.deliver_and_record(&chunk, delivery, &recorded, &subscribers, &verdicts))
            .collect();
        while running.next().await.is_some() {}
    }

    async fn deliver_and_record(
        &self,
        chunk: &Chunk,
        delivery: &ChunkDelivery,
        recorded: &Recorded,
        subscribers: &EventSubscribers,
        verdicts: &Verdicts,
    ) {
        if let Some((event, admission)) = self.admit(chunk, delivery, recorded, subscribers, verdicts).await {
            // Most deliveries of a worker wait for admission. The box keeps their futures small until then.
            Box::pin(async { self.record(self.deliver(admission, event, delivery).await).await }).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what a function with these parameters returns.
    fn size_of_returned<A, B, C, D, E, F, R>(_: fn(A, B, C, D, E, F) -> R) -> usize {
        size_of::<R>()
    }

    #[test]
    fn a_delivery_that_waits_takes_little_memory() {
        let bytes = size_of_returned(Executor::deliver_and_record);
        assert!(bytes <= 1_024, "{bytes} bytes: box what is rare in `admit` and below it");
    }
}
