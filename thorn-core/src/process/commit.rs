//! Inline delivery after a commit: which events to deliver, and when.
//!
//! The outermost operation of a task collects the events. It doesn't matter whether the operation commits or
//! rolls back: the deliverer reads the rows again and finds only committed ones.

use std::{any::TypeId, cell::RefCell, sync::Arc};

use sea_orm::DatabaseConnection;

use super::{
    deliverers::{deliverers, scope},
    inline_delivery::InlineDelivery,
};
use crate::id::EventId;

tokio::task_local! {
    static COLLECTED: RefCell<Vec<EventId>>;
}

/// Remembers an event for delivery. Returns `false` if no open operation would see its commit.
pub(crate) fn collect(event: EventId) -> bool {
    COLLECTED.try_with(|events| events.borrow_mut().push(event)).is_ok()
}

/// Runs work that ends with its commit, then delivers the events that it collected.
///
/// The future is boxed, because each layer around it would otherwise hold a copy of its size.
pub(crate) fn after_commit<F: Future>(work: F) -> impl Future<Output = F::Output> {
    collecting(Box::pin(work))
}

async fn collecting<F: Future>(work: F) -> F::Output {
    if COLLECTED.try_with(|_| ()).is_ok() {
        return work.await;
    }
    let work = async {
        let output = work.await;
        (output, COLLECTED.with(RefCell::take))
    };
    let (output, events) = COLLECTED.scope(RefCell::default(), work).await;
    if !events.is_empty() {
        deliver(events).await;
    }
    output
}

/// Runs work that is one statement. On a connection that commits each statement, this is [`after_commit`]. On
/// any other, it only runs the work.
pub(crate) async fn after_statement<C, F: Future>(work: F) -> F::Output {
    if typeid::of::<C>() == TypeId::of::<DatabaseConnection>() { after_commit(work).await } else { work.await }
}

/// Runs `work` in a scope in which this deliverer delivers every event, once the work has ended.
pub(crate) async fn inline_scope<F: Future>(delivery: Arc<dyn InlineDelivery>, work: F) -> F::Output {
    scope(delivery, after_commit(work)).await
}

/// Lets each deliverer deliver the events of its own database. Each runs in a separate task, so that a cancelled
/// caller doesn't abort requests.
async fn deliver(mut events: Vec<EventId>) {
    for delivery in deliverers() {
        match tokio::spawn(delivery.deliver(events.clone())).await {
            Ok(taken) => events.retain(|event| !taken.contains(event)),
            Err(error) => tracing::error!(%error, "inline delivery failed; a worker delivers these events"),
        }
        if events.is_empty() {
            return;
        }
    }
    tracing::debug!(events = events.len(), "events weren't committed, or a worker took them");
}
