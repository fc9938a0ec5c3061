//! The record of a delivery that still waits.

use tokio::time::Instant;

use crate::{
    attempt::DeliveryState,
    fanout::{ChunkDelivery, ChunkEvent},
    id::DeliveryId,
    record::Record,
    timestamp::Timestamp,
};

/// The record of a delivery without an attempt, due at once.
pub(super) fn waiting(event: &ChunkEvent, delivery: &ChunkDelivery) -> Record {
    let now = Timestamp::now();
    Record {
        delivery: DeliveryId::derive(event.id, delivery.subscription),
        event: event.id,
        subscription: delivery.subscription,
        state: DeliveryState::Waiting,
        attempts: delivery.attempts,
        uncounted: delivery.uncounted,
        next_attempt_at: Some(now),
        attempt: None,
        note: None,
        has_row: delivery.has_row,
        now,
        since: Instant::now(),
        announcements: Vec::new(),
    }
}
