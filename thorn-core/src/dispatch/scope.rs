//! The scope of `Thorn::inline`: what is sent in it is delivered inline, by this `Thorn`, and every
//! delivery is reported.

use std::sync::{Arc, Mutex, PoisonError};

use super::Inline;
use crate::history::DeliveryRow;

tokio::task_local! {
    static SCOPE: Arc<InlineScope>;
}

/// Who delivers, and what came of it.
#[derive(Debug)]
pub(crate) struct InlineScope {
    inline: Arc<Inline>,
    deliveries: Mutex<Vec<DeliveryRow>>,
}

impl InlineScope {
    /// Runs `work` and returns the deliveries as well.
    pub(crate) async fn run<F: Future>(inline: Arc<Inline>, work: F) -> (F::Output, Vec<DeliveryRow>) {
        let scope = Arc::new(Self { inline, deliveries: Mutex::default() });
        let output = SCOPE.scope(scope.clone(), super::after_commit(work)).await;
        let deliveries = std::mem::take(&mut *scope.deliveries.lock().unwrap_or_else(PoisonError::into_inner));
        (output, deliveries)
    }
}

/// Whether this task is in such a scope.
pub(crate) fn is_inline() -> bool {
    SCOPE.try_with(|_| ()).is_ok()
}

/// Who delivers for this task, if that was said.
pub(super) fn chosen() -> Option<Arc<Inline>> {
    SCOPE.try_with(|scope| scope.inline.clone()).ok()
}

pub(super) fn report(deliveries: Vec<DeliveryRow>) {
    let _ = SCOPE.try_with(|scope| {
        scope.deliveries.lock().unwrap_or_else(PoisonError::into_inner).extend(deliveries);
    });
}
