//! Which events are to be delivered inline, once their commit is done.
//!
//! The outermost operation of a task collects. What it ends with, commit or rollback, doesn't
//! matter: whoever delivers reads the rows anew, and finds only those that are committed.

use std::{any::TypeId, cell::RefCell, sync::Arc};

use futures::future::BoxFuture;
use sea_orm::DatabaseConnection;

use super::{Inline, inline::Delivered, known, scope};
use crate::EventId;

tokio::task_local! {
    static COLLECTED: RefCell<Vec<EventId>>;
}

/// Remembers an event for delivery; `false` if nobody would know of its commit.
pub(crate) fn collect(event: EventId) -> bool {
    COLLECTED.try_with(|events| events.borrow_mut().push(event)).is_ok()
}

/// Runs work that ends with its commit, and then delivers what it was told to deliver inline.
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

/// As [`after_commit`], if each statement on this kind of connection is its own commit.
pub(crate) async fn after_statement<C, F: Future>(work: F) -> F::Output {
    if typeid::of::<C>() == TypeId::of::<DatabaseConnection>() { after_commit(work).await } else { work.await }
}

/// In a task of its own, so that a caller who is cancelled cuts no request off. Its type is named,
/// since delivering may write an event, and so leads back here.
fn delivering(inline: Arc<Inline>, events: Vec<EventId>) -> BoxFuture<'static, Delivered> {
    Box::pin(async move { inline.deliver(&events).await })
}

/// Every `Thorn` delivers the events of its own database.
async fn deliver(mut events: Vec<EventId>) {
    for inline in scope::chosen().map_or_else(known::all, |chosen| vec![chosen]) {
        match tokio::spawn(delivering(inline, events.clone())).await {
            Ok(delivered) => {
                events.retain(|event| !delivered.taken.contains(event));
                scope::report(delivered.deliveries);
            }
            Err(error) => tracing::error!(%error, "delivering inline failed; a worker will deliver"),
        }
        if events.is_empty() {
            return;
        }
    }
    tracing::debug!(events = events.len(), "not committed, or taken by a worker");
}
