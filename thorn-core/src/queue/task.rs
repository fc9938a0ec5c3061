//! A task on its way from apalis to the handler.

use std::{
    collections::VecDeque,
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use apalis::prelude::Data;
use apalis_core::task::{attempt::Attempt, task_id::TaskId};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use ulid::Ulid;

use super::{Handler, Task, TaskAttempt};
use crate::timestamp::Timestamp;

/// Enough for any number of takeovers: no task is given up for having been begun too often.
pub(super) const MAX_ATTEMPTS: u32 = 1_000_000;

/// The text of a task. Any JSON decodes, because an argument that doesn't would kill apalis's
/// worker; whether it is a chunk, the handler finds out.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub(super) struct Envelope(pub(super) String);

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(String::from(Box::<str>::from(raw))))
    }
}

impl Envelope {
    /// Whether apalis can hand out a task with this id and text.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
    pub(super) fn is_readable(id: &str, text: &[u8]) -> bool {
        Ulid::from_string(id).is_ok() && serde_json::from_slice::<Self>(text).is_ok()
    }
}

/// What every task gets.
#[derive(Clone)]
pub(super) struct Tasks {
    pub(super) handler: Handler,
    /// The last that finished, more than can be waiting for their acknowledgement.
    finished: Arc<Mutex<VecDeque<String>>>,
    /// While one lives, tasks are running.
    running: Option<mpsc::Sender<Infallible>>,
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("finished", &self.finished).finish_non_exhaustive()
    }
}

/// Four times the default bound on tasks in hand.
const FINISHED: usize = 2048;

impl Tasks {
    /// Also what ends when the last running task does, once [`close`](Self::close) was called.
    pub(super) fn new(handler: Handler) -> (Self, mpsc::Receiver<Infallible>) {
        let (running, ended) = mpsc::channel(1);
        (Self { handler, finished: Arc::default(), running: Some(running) }, ended)
    }

    /// This clone no longer counts as running.
    pub(super) fn close(&mut self) {
        self.running = None;
    }

    async fn run(self, id: TaskId, task: Task) {
        self.handler.call(task).await;
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        finished.truncate(FINISHED - 1);
        finished.push_front(id.to_string());
        drop(finished);
        // Only now, so that who waits for the last one finds it among the finished.
        drop(self.running);
    }

    /// Ids of those that ran to their end.
    pub(super) fn finished(&self) -> Vec<String> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// What apalis calls. It never fails and never panics: both would reach other tasks. It runs apart
/// from apalis's worker, whose end after a database error would cut off all requests under way, and
/// which polls all its tasks in one, on one core.
pub(super) async fn run_task(text: Envelope, attempt: Attempt, id: TaskId, tasks: Data<Tasks>) {
    let attempt = if attempt.current() > 1 { TaskAttempt::Again } else { TaskAttempt::First };
    let run = Tasks::clone(&tasks).run(id, Task { text: text.0, attempt });
    match tokio::spawn(run).await {
        Ok(()) => {}
        // The runtime is going down: to return would acknowledge what was cut off.
        Err(cancelled) if cancelled.is_cancelled() => std::future::pending().await,
        Err(panic) => tracing::error!(%panic, "a task panicked; its deliveries are left to the reconciler"),
    }
}

/// A ULID begins with its time.
pub(super) fn made_at(id: &str) -> Option<Timestamp> {
    let id = Ulid::from_string(id).ok()?;
    Some(Timestamp::from_millis(i64::try_from(id.timestamp_ms()).unwrap_or(i64::MAX)))
}
