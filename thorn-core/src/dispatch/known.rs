//! What the process knows of its `Thorn`s, because SeaORM hands a model's hooks nothing but a
//! connection: who can deliver inline, and which dispatchers there are.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock, PoisonError, RwLock, Weak},
    time::Duration,
};

use super::{Inline, scope};
use crate::Error;

#[derive(Debug, Default)]
struct Known {
    inline: Vec<Weak<Inline>>,
    dispatchers: BTreeSet<String>,
}

static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(RwLock::default);

/// Makes a `Thorn` known for as long as it lives, and its dispatchers for as long as the process.
pub(crate) fn register<'a>(inline: &Arc<Inline>, dispatchers: impl IntoIterator<Item = &'a String>) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.inline.retain(|inline| inline.strong_count() > 0);
    known.inline.push(Arc::downgrade(inline));
    known.dispatchers.extend(dispatchers.into_iter().cloned());
}

/// Fails for a dispatcher that nobody has registered.
pub(crate) fn check(dispatcher: &str) -> Result<(), Error> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    if known.dispatchers.contains(dispatcher) {
        return Ok(());
    }
    let reason = format!("no dispatcher `{dispatcher}` is known; register it on `Thorn::builder`");
    Err(Error::Option { option: "dispatch", reason })
}

/// Everybody who can deliver inline, the newest first.
pub(super) fn all() -> Vec<Arc<Inline>> {
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    known.inline.iter().rev().filter_map(Weak::upgrade).collect()
}

/// For how long an event is held for inline delivery; `None` if nobody can deliver it.
pub(crate) fn hold() -> Option<Duration> {
    match scope::chosen() {
        Some(inline) => Some(inline.hold()),
        None => all().iter().map(|inline| inline.hold()).max(),
    }
}
