//! Counts the connections of a client that keeps them.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use super::kept::KeptConnections;

/// The connections that one client has opened. They count until the client and its last request have ended.
#[derive(Debug)]
pub(super) struct OfClient {
    kept: Arc<KeptConnections>,
    opened: AtomicUsize,
}

impl OfClient {
    pub(super) fn new(kept: Arc<KeptConnections>) -> Arc<Self> {
        Arc::new(Self { kept, opened: AtomicUsize::new(0) })
    }

    /// Whether so many of the connections are this client's that closing its idle ones makes room.
    pub(super) fn has_most(&self) -> bool {
        self.opened.load(Ordering::Relaxed) >= self.kept.most().div_ceil(2)
    }

    /// Counts a connection that the client has opened.
    pub(super) fn count(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.kept.count();
    }
}

impl Drop for OfClient {
    fn drop(&mut self) {
        self.kept.forget(*self.opened.get_mut());
    }
}
