//! Tells the relay of the same process that something was committed, so that it needn't wait for
//! its next poll. A lost or early hint costs one poll interval, never an event.

use tokio::sync::Notify;

static COMMITTED: Notify = Notify::const_new();

/// Wakes this process's relay.
pub(crate) fn notify() {
    COMMITTED.notify_one();
}

/// Resolves at the next hint.
pub(crate) async fn notified() {
    COMMITTED.notified().await;
}
