//! The choice of the buffer that keeps an event: the buffer of this task and this connection.

use std::{
    any::TypeId,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::OnError;
use crate::{id::EventId, rendered::RenderedEvent};

tokio::task_local! {
    static INNERMOST: Arc<Scope>;
}

/// The identity of a connection. A buffer borrows its connection, so no other connection can have the same address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Connection {
    address: usize,
    kind: TypeId,
}

/// The outermost scope of a connection.
#[derive(Debug)]
pub(super) struct Scope {
    connection: Connection,
    pending: Mutex<Pending>,
    on_error: OnError,
    /// The enclosing scope, which belongs to another connection.
    outer: Option<Arc<Self>>,
}

/// Events that wait to be written.
#[derive(Debug)]
pub(super) struct Pending {
    events: Vec<RenderedEvent>,
    calls: usize,
    flushed_at: Instant,
}

impl Connection {
    fn of<C>(db: &C) -> Self {
        Self { address: std::ptr::from_ref(db).addr(), kind: typeid::of::<C>() }
    }
}

impl Scope {
    /// Creates a scope inside the current scopes of this task.
    pub(super) fn begin<C>(db: &C, on_error: OnError) -> Arc<Self> {
        let pending = Pending { events: Vec::new(), calls: 0, flushed_at: Instant::now() };
        let outer = INNERMOST.try_with(Arc::clone).ok();
        Arc::new(Self { connection: Connection::of(db), pending: Mutex::new(pending), on_error, outer })
    }

    /// This task's scope of the connection, if there is one.
    pub(super) fn of<C>(db: &C) -> Option<Arc<Self>> {
        let mut scope = INNERMOST.try_with(Arc::clone).ok();
        let connection = Connection::of(db);
        while let Some(at) = scope {
            if at.connection == connection {
                return Some(at);
            }
            scope = at.outer.clone();
        }
        None
    }

    /// Runs `work` inside the scope.
    pub(super) async fn enter<F: Future>(scope: Arc<Self>, work: F) -> F::Output {
        INNERMOST.scope(scope, work).await
    }

    pub(super) fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let lost = self.pending().len();
        // With `OnError::Discard`, the caller rolls back the changes that these events announce.
        if lost > 0 && self.on_error == OnError::Flush {
            tracing::warn!(events = lost, "a scope of buffered events was dropped midway; they are lost");
        }
    }
}

impl Pending {
    pub(super) fn take(&mut self) -> Vec<RenderedEvent> {
        self.flushed_at = Instant::now();
        std::mem::take(&mut self.events)
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    pub(super) fn is_due(&mut self, frequency: Option<usize>, interval: Option<Duration>) -> bool {
        self.calls += 1;
        frequency.is_some_and(|frequency| self.calls.is_multiple_of(frequency))
            || interval.is_some_and(|interval| self.flushed_at.elapsed() >= interval)
    }
}

/// Keeps events in the buffer of their connection. Returns the events if the connection has no buffer.
pub(in crate::outbox) fn keep<C>(db: &C, events: Vec<RenderedEvent>) -> Option<Vec<RenderedEvent>> {
    match Scope::of(db) {
        Some(scope) => {
            scope.pending().events.extend(events);
            None
        }
        None => Some(events),
    }
}

/// Replaces a pending event, except for its id and its time of creation. Returns `false` if no pending event has
/// this id.
pub(in crate::outbox) fn rewrite<C>(db: &C, id: EventId, with: &RenderedEvent) -> bool {
    let Some(scope) = Scope::of(db) else { return false };
    let mut pending = scope.pending();
    let found = pending.events.iter_mut().find(|event| event.id == id);
    found.map(|event| *event = RenderedEvent { id, created_at: event.created_at, ..with.clone() }).is_some()
}

#[cfg(test)]
mod tests {
    use super::{Duration, OnError, Scope};

    #[tokio::test(start_paused = true)]
    async fn thorn_130_an_interval_counts_from_the_last_flush() {
        let scope = Scope::begin(&1_u64, OnError::Flush);
        let second = Some(Duration::from_secs(1));
        let due = || scope.pending().is_due(None, second);
        assert!(!due());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(due());
        scope.pending().take();
        assert!(!due());
    }

    #[tokio::test]
    async fn a_scope_is_found_by_its_connection_at_any_depth() {
        let (one, two, other) = (1_u64, 2_u64, 3_u64);
        Scope::enter(Scope::begin(&one, OnError::Flush), async {
            Scope::enter(Scope::begin(&two, OnError::Flush), async {
                assert!(Scope::of(&one).is_some() && Scope::of(&two).is_some());
                assert!(Scope::of(&other).is_none());
            })
            .await;
            assert!(Scope::of(&two).is_none());
        })
        .await;
        assert!(Scope::of(&one).is_none());
    }
}
