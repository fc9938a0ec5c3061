//! Delivery in the process that sent the event, as the rooms below it see it.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use futures::future::BoxFuture;

use super::{after_commit, current};
use crate::id::EventId;

/// Delivers committed events in this process. Every `Thorn` does for the events of its own database.
pub(crate) trait InlineDelivery: fmt::Debug + Send + Sync {
    /// How long an event is held for this process before a worker may take it.
    fn hold(&self) -> Duration;

    /// Delivers those of the events that are committed and still held for this process. Returns the events
    /// that were found, which no other deliverer needs to look for.
    fn deliver(self: Arc<Self>, events: Vec<EventId>) -> BoxFuture<'static, HashSet<EventId>>;
}

tokio::task_local! {
    static SCOPE: Arc<dyn InlineDelivery>;
}

/// Runs `work` in a scope in which this deliverer delivers every event, once the work has ended.
pub(crate) async fn inline_scope<F: Future>(delivery: Arc<dyn InlineDelivery>, work: F) -> F::Output {
    SCOPE.scope(delivery, after_commit(work)).await
}

/// Whether this task is in such a scope.
pub(crate) fn in_inline_scope() -> bool {
    SCOPE.try_with(|_| ()).is_ok()
}

/// The deliverers for this task: the scope's, else every `Thorn`'s, the newest first.
pub(super) fn deliverers() -> Vec<Arc<dyn InlineDelivery>> {
    match SCOPE.try_with(Arc::clone) {
        Ok(chosen) => vec![chosen],
        Err(_) => current().inline.iter().rev().filter_map(Weak::upgrade).collect(),
    }
}

/// How long an event is held for inline delivery; `None` if nobody can deliver it.
pub(crate) fn inline_hold() -> Option<Duration> {
    deliverers().iter().map(|delivery| delivery.hold()).max()
}
