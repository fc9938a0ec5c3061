//! The executor and its parts.

use std::{sync::Arc, time::Duration};

use sea_orm::DatabaseConnection;
use tokio::{sync::watch, time::Instant};

use crate::{
    attempt::{RetryPolicy, spread_pause},
    delivery::{client::Client, consequences::Consequences},
    metrics::Counters,
    record::Recorder,
    subscription::Registry,
};

/// Pause before the executor repeats a query that the database didn't answer.
const PAUSE: Duration = Duration::from_secs(1);

/// The pause of one task. All tasks begin theirs when the database fails, and mustn't all ask again at once.
pub(super) fn database_pause() -> Duration {
    spread_pause(PAUSE, rand::random())
}

/// Settings of a delivery that its event doesn't override.
#[derive(Clone, Debug)]
pub(crate) struct Defaults {
    pub(crate) timeout: Duration,
    pub(crate) retry: RetryPolicy,
    /// The source of CloudEvents that are thorn's own.
    pub(crate) source: Arc<str>,
}

/// Makes the attempts of chunks and records them.
#[derive(Clone, Debug)]
pub(crate) struct Executor {
    pub(crate) db: DatabaseConnection,
    pub(crate) registry: Arc<Registry>,
    pub(crate) consequences: Consequences,
    pub(crate) client: Client,
    pub(crate) recorder: Recorder,
    pub(crate) counters: Arc<Counters>,
    pub(crate) defaults: Defaults,
    /// When requests are given up, because a caller waits for them.
    pub(crate) until: Option<Instant>,
    /// Turns true when the worker stops. Deliveries that haven't begun are then handed back.
    pub(crate) stop: watch::Receiver<bool>,
}

impl Executor {
    /// The deadline of an attempt at an event with this timeout of its own.
    pub(super) fn timeout(&self, own: Option<Duration>) -> Duration {
        let timeout = own.unwrap_or(self.defaults.timeout);
        self.until.map_or(timeout, |until| timeout.min(until.saturating_duration_since(Instant::now())))
    }
}
