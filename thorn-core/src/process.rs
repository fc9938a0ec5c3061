//! What the application told this process.
//!
//! SeaORM hands a model's hooks nothing but a connection, so what they need besides is process-wide: how
//! events are rendered, who else receives them, which dispatchers exist, and who delivers inline. A `Thorn`
//! that is built replaces all of it in one step, see [`tell`].

mod commit;
mod inline_delivery;
mod recipients;
mod settings;
mod wake;

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock, Weak},
};

use arc_swap::ArcSwap;
use tokio::sync::watch;

pub(crate) use commit::{after_commit, after_statement, collect};
pub(crate) use inline_delivery::{InlineDelivery, in_inline_scope, inline_hold, inline_scope};
pub(crate) use recipients::{Recipients, gather, has_callbacks, secret_key};
pub use settings::AutocommitPolicy;
pub(crate) use settings::{DEFAULT_MAX_EVENT_BYTES, EventSettings};
pub(crate) use wake::{hints, notify};

use crate::invalid::InvalidOption;

/// Everything that hooks and senders of events need besides their connection.
#[derive(Clone, Debug, Default)]
struct Process {
    settings: Arc<EventSettings>,
    recipients: Option<Arc<Recipients>>,
    /// Every living `Thorn`, the newest last.
    inline: Vec<Weak<dyn InlineDelivery>>,
    /// Names of the dispatchers that some `Thorn` of this process had.
    dispatchers: BTreeSet<String>,
    /// Changes with each hint that events were committed.
    committed: watch::Sender<()>,
}

static PROCESS: LazyLock<ArcSwap<Process>> = LazyLock::new(ArcSwap::default);

fn current() -> arc_swap::Guard<Arc<Process>> {
    PROCESS.load()
}

/// Replaces settings and recipients, and adds a deliverer and its dispatchers, all in one step: no save sees
/// the new settings with the old recipients.
pub(crate) fn tell(
    settings: &Arc<EventSettings>,
    recipients: &Arc<Recipients>,
    inline: &Arc<dyn InlineDelivery>,
    dispatchers: &[String],
) {
    PROCESS.rcu(|before| {
        let mut process = Process::clone(before);
        process.settings = settings.clone();
        process.recipients = Some(recipients.clone());
        process.inline.retain(|inline| inline.strong_count() > 0);
        process.inline.push(Arc::downgrade(inline));
        process.dispatchers.extend(dispatchers.iter().cloned());
        process
    });
}

/// How events are rendered now.
pub(crate) fn settings() -> Arc<EventSettings> {
    current().settings.clone()
}

/// Replaces the settings alone.
#[cfg(test)]
pub(crate) fn set_settings(settings: EventSettings) {
    let settings = Arc::new(settings);
    PROCESS.rcu(|before| Process { settings: settings.clone(), ..Process::clone(before) });
}

/// Refuses a dispatcher that no `Thorn` of this process has registered.
pub(crate) fn check_dispatcher(name: &str) -> Result<(), InvalidOption> {
    if current().dispatchers.contains(name) {
        return Ok(());
    }
    let reason = format!("no dispatcher `{name}` is known; register it on `Thorn::builder`");
    Err(InvalidOption { option: "dispatch", reason })
}
