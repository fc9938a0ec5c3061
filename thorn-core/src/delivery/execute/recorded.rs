//! Deliveries of a chunk that an earlier run of it recorded.

use std::collections::HashMap;

use super::executor::{Executor, database_pause};
use crate::{
    attempt::DeliveryState,
    db::with_timeout,
    fanout::{Chunk, ChunkDelivery, ChunkEvent},
    id::DeliveryId,
    queue::TaskAttempt,
    record::already_recorded,
};

/// The rows that deliveries of a chunk have: the attempts made, and the state.
#[derive(Default)]
pub(super) struct Recorded {
    rows: HashMap<DeliveryId, (u32, Option<DeliveryState>)>,
    /// Whether another run of the chunk may be under way.
    is_repetition: bool,
}

impl Recorded {
    /// Whether this run of the chunk must still make the delivery.
    pub(super) fn leaves_open(&self, event: &ChunkEvent, delivery: &ChunkDelivery) -> bool {
        // Most chunks have nothing recorded, and deriving an id costs a hash.
        if self.rows.is_empty() {
            return true;
        }
        let Some((attempts, state)) = self.rows.get(&DeliveryId::derive(event.id, delivery.subscription)) else {
            return true;
        };
        // A row that an earlier run of this chunk left behind comes back when it is due.
        delivery.has_row && *attempts <= delivery.attempts && *state == Some(DeliveryState::Waiting)
    }

    /// Whether another run of the chunk may be making this first attempt now. That run then records it, and a row that says
    /// that the delivery waits would lead to another attempt.
    pub(super) const fn may_be_under_way(&self, delivery: &ChunkDelivery) -> bool {
        self.is_repetition && !delivery.has_row
    }
}

impl Executor {
    /// Reads the recorded deliveries of a chunk that may run a second time. Other chunks need no query.
    pub(super) async fn recorded(&self, chunk: &Chunk, attempt: TaskAttempt) -> Recorded {
        if attempt == TaskAttempt::First && !chunk.check && !chunk.deliveries.iter().any(|delivery| delivery.has_row) {
            return Recorded::default();
        }
        loop {
            let ids = chunk.deliveries.iter().filter_map(|delivery| chunk.delivery_id(delivery));
            match with_timeout(&self.db, already_recorded(&self.db, ids)).await {
                Ok(rows) => return Recorded { rows, is_repetition: attempt != TaskAttempt::First || chunk.check },
                Err(error) => tracing::warn!(%error, "can't read which deliveries are recorded; trying again"),
            }
            tokio::time::sleep(database_pause()).await;
        }
    }
}
