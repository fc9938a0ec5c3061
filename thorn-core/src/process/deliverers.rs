//! The deliverers that a task uses: its scope's, or those of every `Thorn`.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::{inline_delivery::InlineDelivery, state::current};

tokio::task_local! {
    static SCOPE: Arc<dyn InlineDelivery>;
}

/// Runs `work` in a scope in which this deliverer delivers every event.
pub(super) async fn scope<F: Future>(delivery: Arc<dyn InlineDelivery>, work: F) -> F::Output {
    SCOPE.scope(delivery, work).await
}

/// Whether this task runs in a scope of inline delivery.
pub(crate) fn in_inline_scope() -> bool {
    SCOPE.try_with(|_| ()).is_ok()
}

/// The deliverers for this task: the scope's, otherwise those of every `Thorn`, the newest first.
pub(super) fn deliverers() -> Vec<Arc<dyn InlineDelivery>> {
    match SCOPE.try_with(Arc::clone) {
        Ok(chosen) => vec![chosen],
        Err(_) => current().inline.iter().rev().filter_map(Weak::upgrade).collect(),
    }
}

/// How long an event is held for inline delivery. `None` if there is no deliverer.
pub(crate) fn inline_hold() -> Option<Duration> {
    deliverers().iter().map(|delivery| delivery.hold()).max()
}
