//! The state of this process, which changes in one step.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock, Weak},
};

use arc_swap::ArcSwap;
use tokio::sync::watch;

use super::{inline_delivery::InlineDelivery, recipients::Recipients, settings::EventSettings, watched::Watched};
use crate::{
    error::Error, guard::Validator, invalid::InvalidOption, rendered::EventInfo, signing::SecretKey, spec::Subscriber,
};

/// The data that hooks and senders of events need besides their connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    settings: Arc<EventSettings>,
    recipients: Option<Arc<Recipients>>,
    /// Every living `Thorn`, the newest last.
    pub(super) inline: Vec<Weak<dyn InlineDelivery>>,
    /// Names of all dispatchers that were registered in this process.
    dispatchers: BTreeSet<String>,
    /// The changes of rows that triggers note.
    pub(super) watched: Watched,
    /// Changes with each hint that events were committed.
    committed: watch::Sender<()>,
    /// Changes with each hint that events were numbered.
    numbered: watch::Sender<()>,
    /// Changes with each hint that a topic of the hub was added or has changed.
    topics: watch::Sender<()>,
}

static PROCESS: LazyLock<ArcSwap<Process>> = LazyLock::new(ArcSwap::default);

pub(super) fn current() -> arc_swap::Guard<Arc<Process>> {
    PROCESS.load()
}

/// A deliverer of this process, with the names of the dispatchers that its worker serves.
pub(crate) type Deliverer = (Arc<dyn InlineDelivery>, Vec<String>);

/// Replaces settings and recipients, and adds a deliverer. All of it changes in one step, so no save sees the new settings
/// with the old recipients.
pub(crate) fn configure(settings: &Arc<EventSettings>, recipients: &Arc<Recipients>, deliverer: Option<&Deliverer>) {
    update(|process| {
        process.settings = settings.clone();
        process.recipients = Some(recipients.clone());
        process.inline.retain(|inline| inline.strong_count() > 0);
        if let Some((inline, dispatchers)) = deliverer {
            process.inline.push(Arc::downgrade(inline));
            process.dispatchers.extend(dispatchers.iter().cloned());
        }
    });
}

/// Changes the state in one step. `change` may run several times.
pub(super) fn update(change: impl Fn(&mut Process)) {
    PROCESS.rcu(|before| {
        let mut process = Process::clone(before);
        change(&mut process);
        process
    });
}

/// The current settings for rendering events.
pub(crate) fn settings() -> Arc<EventSettings> {
    current().settings.clone()
}

/// Replaces only the settings.
#[cfg(test)]
pub(crate) fn set_settings(settings: EventSettings) {
    let settings = Arc::new(settings);
    update(|process| process.settings = settings.clone());
}

/// Checks that a dispatcher is registered in this process.
///
/// # Errors
///
/// [`InvalidOption`] if no `Thorn` of this process registered a dispatcher of this name.
pub(crate) fn check_dispatcher(name: &str) -> Result<(), InvalidOption> {
    if current().dispatchers.contains(name) {
        return Ok(());
    }
    let reason = format!("no dispatcher `{name}` is known; register it on `Thorn::builder`");
    Err(InvalidOption { option: "dispatch", reason })
}

/// The key that encrypts the secrets of subscribers.
pub(crate) fn secret_key() -> Option<SecretKey> {
    current().recipients.as_ref().and_then(|recipients| recipients.key.clone())
}

/// Whether a callback for recipients is registered.
pub(crate) fn has_callbacks() -> bool {
    current().recipients.as_ref().is_some_and(|recipients| !recipients.callbacks.is_empty())
}

/// The subscribers that the event brought, then those that callbacks name. If several have the same id, the
/// first is kept.
pub(crate) fn gather(
    of_event: Vec<Subscriber>,
    event: &EventInfo<'_>,
    validators: Option<&[Validator]>,
) -> Result<Vec<Subscriber>, Error> {
    match current().recipients.clone() {
        Some(recipients) => recipients.gather(of_event, event, validators),
        None => admit(of_event, validators),
    }
}

/// The subscribers that the event brought, without a question to callbacks. If several have the same id, the first is
/// kept.
pub(crate) fn admit(of_event: Vec<Subscriber>, validators: Option<&[Validator]>) -> Result<Vec<Subscriber>, Error> {
    if of_event.is_empty() {
        return Ok(of_event);
    }
    let Some(recipients) = current().recipients.clone() else {
        // Without a `Thorn` the key is unknown, and a secret would be stored unencrypted.
        let reason = "no `Thorn` was built in this process, so the key that encrypts their secrets is unknown; call `Thorn::builder(db)…build()` first";
        return Err(Error::option("recipients", reason));
    };
    recipients.admit(of_event, validators)
}

/// Tells the relays of this process that events were committed, so that they don't wait for their next poll.
/// A lost or early hint costs time, never an event.
pub(crate) fn notify() {
    current().committed.send_replace(());
}

/// A receiver that changes with each hint.
pub(crate) fn hints() -> watch::Receiver<()> {
    current().committed.subscribe()
}

/// Tells the streams of this process that the log has new events. It costs a poll interval if it is lost.
pub(crate) fn notify_numbered() {
    current().numbered.send_replace(());
}

/// A receiver that changes with each such hint.
pub(crate) fn numbered_hints() -> watch::Receiver<()> {
    current().numbered.subscribe()
}

/// Tells the fetchers of this process that a topic of the hub was added or has changed. A lost hint costs a poll interval.
pub(crate) fn notify_topics() {
    current().topics.send_replace(());
}

/// A receiver that changes with each such hint.
pub(crate) fn topic_hints() -> watch::Receiver<()> {
    current().topics.subscribe()
}
