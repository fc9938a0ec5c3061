//! A delivery and its recipient.

use std::sync::Arc;

use crate::{
    endpoint::{Endpoint, Limited, Place},
    fanout::{ChunkDelivery, ChunkEvent, Recipient},
    outbox::StoredEvent,
    timestamp::Timestamp,
};

/// A delivery whose recipient is known.
pub(super) struct Addressed<'a> {
    pub(super) event: &'a ChunkEvent,
    pub(super) delivery: &'a ChunkDelivery,
    pub(super) recipient: Recipient,
    pub(super) endpoint: Arc<Endpoint>,
    /// The event's row, if the event brought the recipient.
    pub(super) stored: Option<&'a StoredEvent>,
    /// The lane of the subscription, if it limits its requests.
    pub(super) limited: Option<Limited>,
    pub(super) entrance: Entrance,
}

impl Addressed<'_> {
    /// The address of the lane of its URL. `None` if the delivery must enter another lane before.
    pub(super) fn url_lane(&self) -> Option<usize> {
        self.endpoint.url_lane().filter(|_| self.limited.is_none())
    }
}

/// How a delivery comes into the lane of its URL.
#[derive(Debug, Default)]
pub(super) enum Entrance {
    /// It enters by itself.
    #[default]
    Alone,
    /// It has waited for this place with others of its chunk.
    Waited(Place),
    /// It shouldn't wait, or has waited in vain. The lane should have room at this time.
    Full(Timestamp),
}
