//! Bounds the connections that are kept for the next request, however many hosts they lead to.
//!
//! reqwest bounds them for each host only, and doesn't say how many there are or when one is closed. So each client that
//! keeps connections counts those that it has opened, until the client itself ends: then all its idle ones are closed.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicUsize, Ordering},
};

use crate::endpoint::idle_at_once;

/// How many connections may be kept at once, and how many have been opened to be kept.
#[derive(Debug)]
pub(crate) struct KeptConnections {
    most: usize,
    opened: AtomicUsize,
    /// Requests that may open one more each, because they haven't opened one and have no response.
    under_way: AtomicUsize,
}

/// A request that may open a connection to be kept. Dropping this ends it.
#[derive(Debug)]
pub(super) struct MayOpen(Arc<KeptConnections>);

static OF_PROCESS: LazyLock<Arc<KeptConnections>> =
    LazyLock::new(|| Arc::new(KeptConnections::at_most(idle_at_once())));

impl KeptConnections {
    pub(crate) const fn at_most(most: usize) -> Self {
        Self { most, opened: AtomicUsize::new(0), under_way: AtomicUsize::new(0) }
    }

    /// All clients of the process together.
    pub(crate) fn of_process() -> Arc<Self> {
        Arc::clone(&OF_PROCESS)
    }

    #[cfg(test)]
    pub(super) fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }

    /// Whether as many have been opened as may be kept.
    pub(super) fn is_full(&self) -> bool {
        self.opened.load(Ordering::Relaxed) >= self.most
    }

    /// Begins a request whose connection may be kept. `None` if it could open one too many.
    pub(super) fn may_open(self: &Arc<Self>) -> Option<MayOpen> {
        let begun = MayOpen(Arc::clone(self));
        let under_way = self.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        (self.opened.load(Ordering::Relaxed) + under_way <= self.most).then_some(begun)
    }

    /// How many may be kept.
    pub(super) const fn most(&self) -> usize {
        self.most
    }

    pub(super) fn count(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    /// Forgets connections of a client that has ended.
    pub(super) fn forget(&self, connections: usize) {
        self.opened.fetch_sub(connections, Ordering::Relaxed);
    }
}

impl Drop for MayOpen {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}
