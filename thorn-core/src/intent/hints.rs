//! Wakes the machine of this process that verifies intents.

use std::sync::LazyLock;

use tokio::sync::watch;

static WAITING: LazyLock<watch::Sender<()>> = LazyLock::new(watch::Sender::default);

/// Tells the machine that an intent is committed. A lost hint costs a poll interval.
pub(crate) fn notify_intents() {
    WAITING.send_replace(());
}

/// A receiver that changes with each such hint.
pub(crate) fn intent_hints() -> watch::Receiver<()> {
    WAITING.subscribe()
}
