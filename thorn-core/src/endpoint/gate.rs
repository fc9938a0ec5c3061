//! The gate of an origin: a limit on the new requests to it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::timestamp::Timestamp;

/// How long a request counts as new.
pub(crate) const NEW: Duration = Duration::from_millis(50);

/// The maximum number of new requests to one origin at once. It is half the default number of idle connections
/// per host. More new requests would open connections that are closed after one response.
pub(crate) const NEW_AT_ONCE: usize = 32;

/// The number of tasks that hyper polls after a response before the connection is free. The first task drives the
/// connection. The second waits until the connection is ready and returns it to the pool.
const HYPER_TASKS: usize = 2;

/// How precisely a gate knows when its origin last answered.
const PRECISION: Duration = Duration::from_secs(1);

/// Limits the new requests to one origin. An origin may have many endpoints, each with its own lane. A request
/// that takes longer than [`NEW`] no longer counts, so a hanging host doesn't delay other requests for long.
#[derive(Debug)]
pub(super) struct Gate {
    turns: Arc<Semaphore>,
    /// When the origin last answered on a connection that may be kept, in milliseconds.
    answered_at: AtomicI64,
}

/// The turn of a new request. Dropping the turn ends it.
#[derive(Debug)]
pub(crate) struct Turn(OwnedSemaphorePermit);

impl Gate {
    pub(super) fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(NEW_AT_ONCE)), answered_at: AtomicI64::new(0) }
    }

    /// Notes that the origin has answered on a connection that may be kept.
    pub(super) fn answered(&self, now: Timestamp) {
        // A busy origin answers often, and each write would cost other cores their copy.
        if now.since(Timestamp::from_millis(self.answered_at.load(Ordering::Relaxed))) >= PRECISION {
            self.answered_at.store(now.as_millis(), Ordering::Relaxed);
        }
    }

    /// Whether the origin has answered within this time on a connection that may be kept.
    pub(super) fn has_answered_within(&self, time: Duration, now: Timestamp) -> bool {
        let answered_at = Timestamp::from_millis(self.answered_at.load(Ordering::Relaxed));
        now.since(answered_at) <= time + PRECISION
    }

    /// Waits until a request may begin.
    pub(super) async fn turn(&self) -> Option<Turn> {
        // The semaphore is never closed.
        Arc::clone(&self.turns).acquire_owned().await.ok().map(Turn)
    }
}

impl Turn {
    /// Ends the turn of a request that has its response. The connection is free a moment later, when hyper's tasks
    /// have seen the end of the response. If another request may be waiting, this method lets hyper's tasks run first,
    /// so that the next request finds the free connection.
    pub(crate) async fn pass_on(self) {
        if self.0.semaphore().available_permits() == 0 {
            for _ in 0..HYPER_TASKS {
                tokio::task::yield_now().await;
            }
        }
    }
}
