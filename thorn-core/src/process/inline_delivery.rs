//! Delivery in the process that sent the event, as lower rooms see it.

use std::{collections::HashSet, fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;

use crate::id::EventId;

/// Delivers committed events in this process. Each `Thorn` delivers the events of its own database.
pub(crate) trait InlineDelivery: fmt::Debug + Send + Sync {
    /// How long an event is held for this process before a worker may take it.
    fn hold(&self) -> Duration;

    /// Delivers those of the events that are committed and still held for this process. Returns the events that
    /// it found. No other deliverer needs to look for these.
    fn deliver(self: Arc<Self>, events: Vec<EventId>) -> BoxFuture<'static, HashSet<EventId>>;
}
