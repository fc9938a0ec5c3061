//! Hints to this process's relays that events were committed, so that they needn't wait for their next poll.
//! A lost or early hint costs time, never an event.

use tokio::sync::watch;

use super::current;

/// Wakes the relays of this process.
pub(crate) fn notify() {
    current().committed.send_replace(());
}

/// Changes with each hint.
pub(crate) fn hints() -> watch::Receiver<()> {
    current().committed.subscribe()
}
