//! A task on its way from apalis to the handler.
//!
//! # Works around
//!
//! - apalis-core 1.0.0 ends the worker at an argument that doesn't decode, so [`Envelope`] decodes from any
//!   JSON, and the handler checks the text. Derive `Deserialize` once an undecodable task fails alone.
//! - apalis-core 1.0.0 polls all tasks of a worker within one Tokio task: a panic ends them all
//!   ([apalis#639](https://github.com/apalis-dev/apalis/issues/639)), and so does any error of the backend,
//!   and they share one core. [`run_task`] spawns each task instead. Its `.catch_panic()` and `.timeout()`
//!   layers are no help: they leave the row `Running`. Call the handler directly once the worker spawns.
//! - apalis-core 1.0.0 acknowledges a task, and asks for further ones, whenever a task ends. Where tasks end one after the
//!   other, that is two transactions for each. [`end_together`] lets several end at once. Delete it once a worker gathers
//!   acknowledgements, and asks for tasks when its strategy says so.
//! - A task that returns `Err` is fetched again at once (SQLite, PostgreSQL) or after a fixed pause (Redis),
//!   so [`run_task`] never fails, and [`MAX_ATTEMPTS`] never ends a task. Retries wait in `thorn_delivery`.

use std::{
    collections::VecDeque,
    convert::Infallible,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use apalis::prelude::Data;
use apalis_core::task::{attempt::Attempt, task_id::TaskId};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use tokio::sync::{mpsc, oneshot};
use ulid::Ulid;

use super::{Handler, Received, TaskAttempt};
use crate::timestamp::Timestamp;

/// The number of attempts after which apalis would give a task up. No number of takeovers reaches it.
pub(super) const MAX_ATTEMPTS: u32 = 1_000_000;

/// The text of a task, which may be any JSON. The handler checks whether it is a chunk.
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
    /// Whether apalis can read a task with this id and text.
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
    pub(super) fn is_readable(id: &str, text: &[u8]) -> bool {
        Ulid::from_string(id).is_ok() && serde_json::from_slice::<Self>(text).is_ok()
    }
}

/// The data shared by all tasks of a worker.
#[derive(Clone)]
pub(super) struct Tasks {
    pub(super) handler: Handler<Received>,
    /// Ids of the last finished tasks, more than can wait for their acknowledgement.
    finished: Arc<Mutex<VecDeque<String>>>,
    /// Tasks are running while a sender of this channel lives.
    running: Option<mpsc::Sender<Infallible>>,
    /// Tasks that have ended and wait to be acknowledged with others.
    ending: Arc<Mutex<Vec<oneshot::Sender<()>>>>,
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("finished", &self.finished).finish_non_exhaustive()
    }
}

/// Tasks that end within this time are acknowledged together. Each acknowledgement is a transaction.
const TOGETHER: Duration = Duration::from_millis(20);

/// The number of ids kept: four times the default bound on tasks in hand.
const FINISHED: usize = 2048;

impl Tasks {
    /// Also returns a receiver that ends with the last running task, once [`close`](Self::close) was
    /// called.
    pub(super) fn new(handler: Handler<Received>) -> (Self, mpsc::Receiver<Infallible>) {
        let (running, ended) = mpsc::channel(1);
        (Self { handler, finished: Arc::default(), running: Some(running), ending: Arc::default() }, ended)
    }

    /// Stops counting this clone as a running task.
    pub(super) fn close(&mut self) {
        self.running = None;
    }

    async fn run(self, id: TaskId, task: Received, ended: oneshot::Sender<()>) {
        self.handler.call(task).await;
        {
            let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
            finished.truncate(FINISHED - 1);
            finished.push_front(id.to_string());
        }
        // The order matters: after the last task has ended, its id is among the finished ones.
        drop(self.running);
        end_together(&self.ending, ended).await;
    }

    /// Ids of the tasks that ran to their end.
    pub(super) fn finished(&self) -> Vec<String> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Ends a task together with those that end in the next moment. What happens meanwhile costs nothing: if the process dies,
/// another worker finds their deliveries recorded.
async fn end_together(ending: &Mutex<Vec<oneshot::Sender<()>>>, ended: oneshot::Sender<()>) {
    let ending = || ending.lock().unwrap_or_else(PoisonError::into_inner);
    let others = {
        let mut ending = ending();
        ending.push(ended);
        ending.len() > 1
    };
    if !others {
        tokio::time::sleep(TOGETHER).await;
        let all = std::mem::take(&mut *ending());
        for ended in all {
            // Nobody waits any more if the worker stops.
            let _ = ended.send(());
        }
    }
}

/// Runs a task for apalis. It never fails and never panics.
pub(super) async fn run_task(text: Envelope, attempt: Attempt, id: TaskId, tasks: Data<Tasks>) {
    let attempt = if attempt.current() > 1 { TaskAttempt::Again } else { TaskAttempt::First };
    let (ended, end) = oneshot::channel();
    let running = tokio::spawn(Tasks::clone(&tasks).run(id, Received { text: text.0, attempt }, ended));
    if end.await.is_ok() {
        return;
    }
    match running.await {
        Ok(()) => {}
        // The runtime shuts down. Returning would acknowledge a task that was cut off.
        Err(cancelled) if cancelled.is_cancelled() => std::future::pending().await,
        Err(panic) => tracing::error!(%panic, "a task panicked; the reconciler will enqueue its deliveries again"),
    }
}

/// When a task was enqueued: its id is a ULID, which begins with its time.
pub(super) fn enqueued_at(id: &str) -> Option<Timestamp> {
    let id = Ulid::from_string(id).ok()?;
    Some(Timestamp::from_millis(i64::try_from(id.timestamp_ms()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tasks_that_end_in_one_moment_are_acknowledged_together_and_a_panic_at_once() {
        let sleep = |task: Received| async move {
            tokio::time::sleep(Duration::from_millis(task.text.parse().unwrap())).await;
        };
        let (tasks, _running) = Tasks::new(Handler::new(move |task| sleep(task).boxed()));
        let began = Instant::now();
        let ended_after = async |text: &str| {
            let id = TaskId::from_string(Ulid::generate().to_string());
            run_task(Envelope(text.to_owned()), Attempt::default(), id, Data::new(tasks.clone())).await;
            began.elapsed()
        };
        let (first, second, later, panicked) =
            futures::join!(ended_after("0"), ended_after("15"), ended_after("30"), ended_after("no number"));
        assert_eq!(first, second);
        assert!(
            first >= TOGETHER && later >= first + TOGETHER && panicked < TOGETHER,
            "{first:?} {later:?} {panicked:?}"
        );
        assert_eq!(tasks.finished().len(), 3);
    }
}
