//! The choice of the buffer that keeps an event: the buffer of this task and this connection.

use std::{
    any::{Any, TypeId},
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sea_orm::sea_query::ValueTuple;
use tokio::time::Instant;

use crate::{id::EventId, rendered::RenderedEvent};

/// Decides what happens to pending events when the work in a buffer's scope fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// Pending events are written. This is the default. A caller who commits in spite of the error commits the
    /// changes and the events. A rollback removes both.
    #[default]
    Flush,
    /// Pending events are dropped. The caller must then roll back the changes on the connection. Otherwise these
    /// changes are never announced.
    Discard,
}

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
pub(crate) struct Scope {
    connection: Connection,
    pending: Mutex<Pending>,
    on_error: OnError,
    /// The enclosing scope, which belongs to another connection.
    outer: Option<Arc<Self>>,
}

/// The type of an entity, and the primary key of a row.
pub(crate) type RowKey = (TypeId, ValueTuple);

/// Events that wait to be written.
#[derive(Debug)]
pub(super) struct Pending {
    events: Vec<RenderedEvent>,
    /// Events that later ones replace. They may be written already.
    withdrawn: HashSet<EventId>,
    /// The callers' notes about rows.
    notes: HashMap<RowKey, Box<dyn Any + Send>>,
    calls: usize,
    flushed_at: Instant,
}

/// The events that a flush writes.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) events: Vec<RenderedEvent>,
    /// Events of earlier flushes that later ones replace.
    pub(super) withdrawn: Vec<EventId>,
}

impl Connection {
    fn of<C>(db: &C) -> Self {
        Self { address: std::ptr::from_ref(db).addr(), kind: typeid::of::<C>() }
    }
}

impl Scope {
    /// Creates a scope inside the current scopes of this task.
    pub(super) fn begin<C>(db: &C, on_error: OnError) -> Arc<Self> {
        let pending = Pending {
            events: Vec::new(),
            withdrawn: HashSet::new(),
            notes: HashMap::new(),
            calls: 0,
            flushed_at: Instant::now(),
        };
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

    /// Takes a note about a row out, if there is one of this type.
    pub(crate) fn take_note<N: 'static>(&self, row: &RowKey) -> Option<N> {
        let note = self.pending().notes.remove(row)?;
        note.downcast().ok().map(|note| *note)
    }

    /// Keeps a note about a row until the end of the scope.
    pub(crate) fn keep_note<N: Send + 'static>(&self, row: RowKey, note: N) {
        self.pending().notes.insert(row, Box::new(note));
    }

    /// Removes events of this scope, even if a flush has written them. They must be of this transaction.
    pub(crate) fn withdraw(&self, events: impl IntoIterator<Item = EventId>) {
        self.pending().withdrawn.extend(events);
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
    pub(super) fn take(&mut self) -> Taken {
        self.flushed_at = Instant::now();
        let mut withdrawn = std::mem::take(&mut self.withdrawn);
        let mut events = std::mem::take(&mut self.events);
        events.retain(|event| !withdrawn.remove(&event.id));
        Taken { events, withdrawn: withdrawn.into_iter().collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.events.iter().filter(|event| !self.withdrawn.contains(&event.id)).count()
    }

    pub(super) fn is_due(&mut self, frequency: Option<usize>, interval: Option<Duration>) -> bool {
        self.calls += 1;
        frequency.is_some_and(|frequency| self.calls.is_multiple_of(frequency))
            || interval.is_some_and(|interval| self.flushed_at.elapsed() >= interval)
    }
}

/// This task's scope of the connection, if there is one.
pub(crate) fn buffer_of<C>(db: &C) -> Option<Arc<Scope>> {
    Scope::of(db)
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
