//! The last calls, in memory.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::call::Call;

/// Calls that are kept.
const KEPT: usize = 20;

/// Bodies that are read at once. Others wait.
const AT_ONCE: usize = 64;

/// The last calls.
pub(crate) struct Calls {
    newest_first: Mutex<VecDeque<Arc<Call>>>,
    turns: Arc<Semaphore>,
}

impl Default for Calls {
    fn default() -> Self {
        Self { newest_first: Mutex::default(), turns: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Calls {
    /// Waits until another body may be read.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes the semaphore.
        self.turns.clone().acquire_owned().await.ok()
    }

    pub(crate) fn add(&self, call: Call) {
        let mut calls = self.newest_first.lock().unwrap_or_else(PoisonError::into_inner);
        calls.push_front(Arc::new(call));
        calls.truncate(KEPT);
    }

    pub(crate) fn newest_first(&self) -> Vec<Arc<Call>> {
        self.newest_first.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}
