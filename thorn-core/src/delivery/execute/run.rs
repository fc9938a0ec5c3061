//! Runs a task of the queue.

use std::collections::HashMap;

use futures::{FutureExt as _, StreamExt as _, future::Either, stream::FuturesUnordered};

use super::{
    address::Found, addressed::Addressed, admission::Admission, executor::Executor, of_event::EventSubscribers,
    recorded::Recorded, undecided::Verdicts,
};
use crate::{
    db::with_timeout,
    fanout::{Chunk, ChunkDelivery, ChunkEvent},
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
        let mut running = FuturesUnordered::new();
        // In the order of the chunk, so that nobody's turn is left to chance.
        let (mut by_lane, mut places): (Vec<Vec<Addressed<'_>>>, _) = (Vec::new(), HashMap::new());
        for delivery in &chunk.deliveries {
            if delivery.undecided {
                let decided = self.decide_and_deliver(&chunk, delivery, &recorded, &subscribers, &verdicts);
                running.push(Either::Right(decided.boxed()));
                continue;
            }
            match self.address(&chunk, delivery, &recorded, &subscribers) {
                Found::Left => {}
                Found::Refused(event, why) => running.push(Either::Right(self.refuse(event, delivery, why).boxed())),
                Found::Addressed(one) => match one.url_lane() {
                    Some(lane) => {
                        let place = *places.entry(lane).or_insert(by_lane.len());
                        match by_lane.get_mut(place) {
                            Some(others) => others.push(one),
                            None => by_lane.push(vec![one]),
                        }
                    }
                    None => running.push(Either::Left(self.deliver_and_record(Box::new(one), &recorded))),
                },
            }
        }
        for mut all in by_lane {
            running.push(match all.pop() {
                Some(one) if all.is_empty() => Either::Left(self.deliver_and_record(Box::new(one), &recorded)),
                last => {
                    all.extend(last);
                    Either::Right(self.deliver_in_line(all, &recorded).boxed())
                }
            });
        }
        while running.next().await.is_some() {}
    }

    /// Makes a delivery once its subscription's filter has let it through.
    async fn decide_and_deliver(
        &self,
        chunk: &Chunk,
        delivery: &ChunkDelivery,
        recorded: &Recorded,
        subscribers: &EventSubscribers,
        verdicts: &Verdicts,
    ) {
        match self.find(chunk, delivery, recorded, subscribers, verdicts).await {
            Found::Left => {}
            Found::Refused(event, why) => self.refuse(event, delivery, why).await,
            Found::Addressed(one) => self.deliver_and_record(Box::new(one), recorded).await,
        }
    }

    /// Notes why a delivery isn't made.
    async fn refuse(&self, event: &ChunkEvent, delivery: &ChunkDelivery, why: Admission<'_>) {
        self.record(self.deliver(why, event, delivery).await).await;
    }

    pub(super) async fn deliver_and_record(&self, one: Box<Addressed<'_>>, recorded: &Recorded) {
        let (event, delivery) = (one.event, one.delivery);
        if let Some(admission) = self.admit(one, recorded).await {
            // Most deliveries of a worker wait for admission. The box keeps their futures small until then.
            Box::pin(async { self.record(self.deliver(admission, event, delivery).await).await }).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of what a function with these parameters returns.
    fn size_of_returned<A, B, C, R>(_: fn(A, B, C) -> R) -> usize {
        size_of::<R>()
    }

    #[test]
    fn a_delivery_that_waits_takes_little_memory() {
        let bytes = size_of_returned(Executor::deliver_and_record);
        assert!(bytes <= 1_024, "{bytes} bytes: box what is rare in `admit` and below it");
    }
}
