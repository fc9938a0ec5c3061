//! Finds changes of annotated models that no event announced.
//!
//! The hooks of a model see every change that SeaORM's API makes. They don't see raw SQL, cascades of the database,
//! other programs, and code that is generic over entities. `watch` puts database triggers on the tables of models.
//! A trigger notes each change in the transaction of the change, and a hook that has seen the change deletes the
//! note in the same transaction. So exactly the changes that went past the hooks leave a committed note. A change
//! that was rolled back leaves none.
//!
//! A worker picks up the notes, about two seconds after the change:
//!
//! - [`Watch::report`] counts them (`unannounced` in [`Snapshot`](crate::worker::Snapshot)), logs a warning, and sends
//!   operators the event [`UNANNOUNCED`](crate::event::UNANNOUNCED).
//! - [`Watch::announce`] writes the events that the model declares. It reports what it can't announce.
//!
//! Only operations that the model announces are watched. A model without `on_delete` may lose rows unnoticed, as it
//! would by a deletion through the hooks.
//!
//! Every process that saves watched models must know about it: it has a [`Thorn`](crate::Thorn) on the database, or
//! calls [`install`] itself. A `Thorn` asks the database every 25 seconds what is watched.
//!
//! # Examples
//!
//! ```
//! use sea_orm::DatabaseConnection;
//! use thorn_core::{Error, Thorn, model::WebhookModel, watch::{self, Watch}};
//!
//! async fn start<Article: WebhookModel>(db: DatabaseConnection) -> Result<Thorn, Error> {
//!     Thorn::builder(db).watch(Watch::report().model::<Article>()).build().await
//! }
//!
//! async fn stop_watching(db: &DatabaseConnection) -> Result<(), Error> {
//!     watch::remove(db).await
//! }
//! ```

mod announce;
mod declared;
mod definition;
mod install;
mod noted_row;
mod refresh;
mod unannounced;
mod watcher;

pub use self::{
    install::{install, remove},
    unannounced::{Unannounced, unannounced},
};
pub(crate) use self::{
    refresh::{keep_fresh, refresh},
    watcher::Watcher,
};
pub use crate::row_change::Operation;

use std::time::Duration;

use self::definition::{Definition, Mode};
use crate::model::WebhookModel;

/// The time after which triggers count by default. Until then, every process has learned of them.
const ARMED_AFTER: Duration = Duration::from_secs(60);

/// The models to watch, and what happens to a change that went past their hooks.
///
/// [`ThornBuilder::watch`](crate::ThornBuilder::watch) and [`install`] take it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Watch {
    mode: Mode,
    armed_after: Duration,
    definitions: Vec<Definition>,
}

impl Watch {
    /// Reports unannounced changes: in the counter of the worker, in its log, and as the event
    /// [`UNANNOUNCED`](crate::event::UNANNOUNCED).
    ///
    /// The event goes to global subscriptions only, which operators make, and whose pattern names it (`thorn.*`). It
    /// is one event for the changes of one transaction, table and operation, at most 500. Its data has `table`,
    /// `operation`, `rows` (their number), `keys` (at most 100) and `events` (the names that weren't announced).
    pub const fn report() -> Self {
        Self::with(Mode::Report)
    }

    /// Writes the events of unannounced changes after the fact.
    ///
    /// Triggers also note the values of all columns, before and after. A worker fills in name, reference, sender and
    /// data from them. It needs none of the application's code, so any worker can do it. It reports an event that
    /// only the application's code could decide or render: with `when`, `headers`, or a payload made by code. It also
    /// reports links and truncations.
    pub const fn announce() -> Self {
        Self::with(Mode::Announce)
    }

    /// Leaves the notes for [`unannounced`]. Workers don't touch them.
    pub const fn collect() -> Self {
        Self::with(Mode::Collect)
    }

    const fn with(mode: Mode) -> Self {
        Self { mode, armed_after: ARMED_AFTER, definitions: Vec::new() }
    }

    /// Adds a model.
    pub fn model<E: WebhookModel>(mut self) -> Self {
        self.definitions.push(Definition::of::<E>());
        self
    }

    /// Sets the time after which the triggers of newly watched tables count. Default: 60 s. Changes before are ignored.
    ///
    /// By then, every `Thorn` on the database has learned of the triggers. Zero is right only where this process alone
    /// saves the models.
    pub const fn armed_after(mut self, time: Duration) -> Self {
        self.armed_after = time;
        self
    }

    /// The same models, whose notes are collected and count at once.
    #[cfg(feature = "testing")]
    pub(crate) fn for_tests(self) -> Self {
        Self { mode: Mode::Collect, armed_after: Duration::ZERO, ..self }
    }
}
