//! The gate of an origin: how many of the requests to it may be new at once.

use std::{sync::Arc, time::Duration};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long a request counts as new.
pub(crate) const NEW: Duration = Duration::from_millis(50);

/// New requests of one origin at once: half as many as idle connections are kept. More would open connections
/// that are closed after one answer.
pub(crate) const NEW_AT_ONCE: usize = 32;

/// After an answer, hyper polls two tasks before the connection is free: one drives the connection, one waits
/// for it to be ready and puts it back.
const HYPER_TASKS: usize = 2;

/// Bounds the new requests of one origin, which may have many endpoints, each with its lane. A request that
/// takes longer than [`NEW`] doesn't count any more, so a host that hangs is no reason to wait.
#[derive(Debug)]
pub(super) struct Gate(Arc<Semaphore>);

/// The turn of a new request; it ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(OwnedSemaphorePermit);

impl Gate {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(NEW_AT_ONCE)))
    }

    /// Waits for the turn of a request to begin.
    pub(super) async fn turn(&self) -> Option<Turn> {
        // The semaphore is never closed.
        Arc::clone(&self.0).acquire_owned().await.ok().map(Turn)
    }
}

impl Turn {
    /// Ends the turn of a request that has its answer. Its connection is free a moment later, when hyper's tasks
    /// have seen the answer's end. The next request should find it, so this waits for them if one is waiting.
    pub(crate) async fn pass_on(self) {
        if self.0.semaphore().available_permits() == 0 {
            for _ in 0..HYPER_TASKS {
                tokio::task::yield_now().await;
            }
        }
    }
}
