//! The scope of `Thorn::inline`. The `Thorn` delivers the events that are sent in the scope, and reports every
//! delivery.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;

use super::Inline;
use crate::{
    history::Delivery,
    id::EventId,
    process::{InlineDelivery, inline_scope},
};

/// The deliverer of a scope, with the deliveries made so far.
#[derive(Debug)]
pub(crate) struct InlineScope {
    inline: Arc<Inline>,
    deliveries: Mutex<Vec<Delivery>>,
}

impl InlineScope {
    /// Runs `work` and returns the deliveries as well.
    pub(crate) async fn run<F: Future>(inline: Arc<Inline>, work: F) -> (F::Output, Vec<Delivery>) {
        let scope = Arc::new(Self { inline, deliveries: Mutex::default() });
        let output = inline_scope(scope.clone(), work).await;
        let deliveries = std::mem::take(&mut *scope.deliveries.lock().unwrap_or_else(PoisonError::into_inner));
        (output, deliveries)
    }
}

impl InlineDelivery for InlineScope {
    fn hold(&self) -> Duration {
        self.inline.hold()
    }

    fn deliver(self: Arc<Self>, events: Vec<EventId>) -> BoxFuture<'static, HashSet<EventId>> {
        Box::pin(async move {
            let delivered = self.inline.deliver_all(&events).await;
            self.deliveries.lock().unwrap_or_else(PoisonError::into_inner).extend(delivered.deliveries);
            delivered.taken
        })
    }
}
