//! Inline delivery after a commit: which events to deliver, and when.
//!
//! The outermost operation of a task collects the events. It doesn't matter whether the operation commits or
//! rolls back: the deliverer reads the rows again and finds only committed ones.

use std::{any::TypeId, cell::RefCell};

use sea_orm::DatabaseConnection;

use super::inline_delivery::deliverers;
use crate::id::EventId;

tokio::task_local! {
    static COLLECTED: RefCell<Vec<EventId>>;
}

/// Remembers an event for delivery; `false` if no operation is open that would see its commit.
pub(crate) fn collect(event: EventId) -> bool {
    COLLECTED.try_with(|events| events.borrow_mut().push(event)).is_ok()
}

/// Runs work that ends with its commit. Afterwards the events that it collected are delivered.
///
/// The future is boxed, since each layer around it would hold it by value once more.
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

/// As [`after_commit`] on a kind of connection on which each statement is its own commit; elsewhere it just
/// runs the work.
pub(crate) async fn after_statement<C, F: Future>(work: F) -> F::Output {
    if typeid::of::<C>() == TypeId::of::<DatabaseConnection>() { after_commit(work).await } else { work.await }
}

/// Each deliverer delivers the events of its own database. It runs in a task of its own, so that a cancelled
/// caller cuts off no request.
async fn deliver(mut events: Vec<EventId>) {
    for delivery in deliverers() {
        match tokio::spawn(delivery.deliver(events.clone())).await {
            Ok(taken) => events.retain(|event| !taken.contains(event)),
            Err(error) => tracing::error!(%error, "delivering inline failed; a worker will deliver"),
        }
        if events.is_empty() {
            return;
        }
    }
    tracing::debug!(events = events.len(), "not committed, or taken by a worker");
}
