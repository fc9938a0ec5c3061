//! Makes the deliveries of a chunk that share the lane of a URL.

use std::{collections::VecDeque, pin::pin};

use futures::{
    StreamExt as _,
    stream::{self, FuturesUnordered},
};

use super::{
    addressed::{Addressed, Entrance},
    executor::Executor,
    recorded::Recorded,
};

impl Executor {
    /// Makes these deliveries in their order, as the lane has places. Those that wait take a few bytes each, and no time when a
    /// place is freed that isn't theirs.
    pub(super) async fn deliver_in_line(&self, deliveries: Vec<Addressed<'_>>, recorded: &Recorded) {
        let Some(endpoint) = deliveries.first().map(|one| one.endpoint.clone()) else { return };
        let (mut running, mut waiting) = (FuturesUnordered::new(), VecDeque::new());
        for one in deliveries {
            let entrance = match endpoint.ask() {
                Ok(Some(place)) => Entrance::Waited(place),
                Err(until) => Entrance::Full(until),
                Ok(None) => {
                    waiting.push_back(one);
                    continue;
                }
            };
            running.push(self.deliver_and_record(Box::new(Addressed { entrance, ..one }), recorded));
        }
        let line = endpoint.line(u32::try_from(waiting.len()).unwrap_or(u32::MAX));
        // A stream, since a delivery that ends mustn't cost the next one its place in the line.
        let entrances = stream::unfold(line, async |mut line| {
            Some((line.next().await.map_or_else(Entrance::Full, Entrance::Waited), line))
        });
        let mut entrances = pin!(entrances);
        while !waiting.is_empty() {
            tokio::select! {
                biased;
                Some(entrance) = entrances.next() => {
                    let next = waiting.pop_front();
                    running.extend(next.map(|one| self.deliver_and_record(Box::new(Addressed { entrance, ..one }), recorded)));
                }
                Some(()) = running.next() => {}
                else => break,
            }
        }
        while running.next().await.is_some() {}
    }
}
