//! The application's configuration of this process.
//!
//! SeaORM gives a model's hooks only a connection. Everything else they need is process-wide: how events are
//! rendered, which callbacks name recipients, which dispatchers exist, and which `Thorn` delivers inline. A
//! `Thorn` that is built replaces all of it in one step, see [`configure`].

mod commit;
mod deliverers;
mod idle_poll;
mod inline_delivery;
mod noted_changes;
mod recipients;
mod settings;
mod state;
mod watched;

pub(crate) use commit::{after_commit, after_statement, collect, inline_scope};
pub(crate) use deliverers::{in_inline_scope, inline_hold};
pub(crate) use idle_poll::IdlePoll;
pub(crate) use inline_delivery::InlineDelivery;
pub(crate) use noted_changes::{add_installation, follow_database, forget_installation, is_noted, notes_anything};
pub(crate) use recipients::Recipients;
pub use settings::AutocommitPolicy;
pub(crate) use settings::EventSettings;
#[cfg(test)]
pub(crate) use state::set_settings;
pub(crate) use state::{
    Deliverer, admit, check_dispatcher, configure, gather, has_callbacks, hints, notify, notify_numbered,
    notify_topics, numbered_hints, secret_key, settings, topic_hints,
};
pub(crate) use watched::{NotedChanges, WatchedTables};
