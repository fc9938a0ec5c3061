//! What came of each delivery: rows of `thorn_delivery`, and of `thorn_attempt` for what came before.
//!
//! A delivery's row is written once, when its first attempt is known. It is written again only for
//! a retry, and what it held then moves to `thorn_attempt`. A delivery that must wait is a row with
//! a due time, never something delayed in the queue.

pub(crate) mod entity;
mod insert;
mod recorder;
mod refused;
mod state;
mod write;

pub(crate) use recorder::Recorder;
pub use state::DeliveryState;
pub(crate) use write::{already_recorded, write};

use crate::{DeliveryId, EventId, SubscriptionId, Timestamp, delivery::Attempt, event::RenderedEvent};

/// What is to be written about one delivery.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) delivery: DeliveryId,
    pub(crate) event: EventId,
    pub(crate) subscription: SubscriptionId,
    pub(crate) state: DeliveryState,
    /// Attempts made, this one included.
    pub(crate) attempts: u32,
    pub(crate) next_attempt_at: Option<Timestamp>,
    /// The attempt just made; `None` if it had to wait or was cancelled.
    pub(crate) attempt: Option<Attempt>,
    /// Why there was no attempt.
    pub(crate) note: Option<&'static str>,
    /// Whether the delivery has a row already.
    pub(crate) has_row: bool,
    pub(crate) now: Timestamp,
    /// An event of thorn's own about it, written in the same transaction.
    pub(crate) announcement: Option<RenderedEvent>,
}

impl Record {
    /// Leaves out what isn't needed to go on, and says whether there was any.
    fn shorten(&mut self) -> bool {
        let announced = self.announcement.take().is_some();
        let answered = self.attempt.as_mut().and_then(|attempt| attempt.response.take()).is_some();
        let explained = self.attempt.as_mut().and_then(|attempt| attempt.error.take()).is_some();
        announced || answered || explained
    }
}
