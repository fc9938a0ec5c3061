//! Intents: what subscribers of the hub have asked for and haven't confirmed, and what the hub has yet to tell them.
//!
//! An intent never changes a subscription. Only the answer to its verification does.

mod callback_host;
mod entry;
mod hints;
mod pending;

pub(crate) use callback_host::{HostRates, admit, forget_quiet, note_failure, note_success, of_owner};
pub(crate) use entry::{Ended, Intent, IntentMode, of_hub};
pub(crate) use hints::{intent_hints, notify_intents};
pub(crate) use pending::{MOST_ATTEMPTS, Pending};
