//! The queue: short, immediate tasks on their way from the relay to the workers.
//!
//! The database is the truth. A task holds ids and signatures, never a body or a secret, and it is never delayed.
//! If the queue loses a task, the reconciler enqueues its deliveries again.
//!
//! The relay authenticates each task with a key from the database, and a worker runs no other task. So write access to
//! the queue isn't enough to have a name or a header sent, or an event sent to somebody it isn't for.
//!
//! Only this module names apalis, which it uses in version 1.0.0. A file that works around a behaviour of
//! apalis says so under "Works around", with the condition under which the code can be deleted.

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod idle_poll;
mod handover;
mod hanging;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod received;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;
mod supervise;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod tables;
#[cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "redis")),
    allow(dead_code, reason = "memory needs less")
)]
mod task;
mod task_key;

pub(crate) use hanging::HangingTasks;

use std::{fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbBackend};
use tokio::sync::watch;

use self::{handover::Handover, task::Tasks};
use crate::{
    error::Error,
    fanout::Chunk,
    queue_url::{Place, QueueUrl},
    signing::TaskKey,
    timestamp::Timestamp,
};

/// The queue's settings.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "redis")),
    allow(dead_code, reason = "memory needs less")
)]
pub(crate) struct QueueOptions {
    /// The queue's name, which separates applications that share a database or a Redis server.
    pub(crate) name: String,
    /// How often an idle worker looks for tasks.
    pub(crate) poll: Duration,
    /// After this time without a heartbeat, other workers take over a worker's tasks.
    pub(crate) takeover: Duration,
    /// The most tasks of one fetch.
    pub(crate) batch: usize,
}

/// A task as the queue hands it to a worker.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) chunk: Chunk,
    pub(crate) attempt: TaskAttempt,
}

/// A task as apalis hands it out, which nobody has read yet.
#[derive(Debug)]
struct Received {
    /// A sealed chunk as JSON, if the relay enqueued the task.
    text: String,
    attempt: TaskAttempt,
}

/// A task for the queue.
#[derive(Debug)]
pub(crate) struct SealedTask {
    /// The chunk as JSON, with its authentication code.
    text: String,
    chunk: Chunk,
}

/// Whether a worker may have begun a task before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskAttempt {
    /// No worker has begun it.
    First,
    /// Another worker may have begun it, so some of its deliveries may be recorded.
    Again,
}

/// Runs tasks.
pub(crate) struct Handler<T>(Arc<dyn Fn(T) -> BoxFuture<'static, ()> + Send + Sync>);

impl<T> Handler<T> {
    pub(crate) fn new(handler: impl Fn(T) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(handler))
    }

    fn call(&self, task: T) -> BoxFuture<'static, ()> {
        (self.0)(task)
    }
}

impl<T> Clone for Handler<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

/// The operations of each kind of queue.
#[async_trait::async_trait]
trait Backend: fmt::Debug + Send + Sync {
    /// Enqueues tasks in this transaction, or returns them to be [pushed](Self::push) after its commit.
    async fn enqueue(&self, txn: &DatabaseTransaction, tasks: Vec<String>) -> Result<Vec<String>, Error>;

    /// Enqueues tasks in a queue outside the database.
    async fn push(&self, _tasks: Vec<String>) -> Result<(), Error> {
        Ok(())
    }

    /// Wakes an idle worker of this process.
    fn wake(&self);

    /// The number of unfinished tasks.
    async fn depth(&self) -> Result<u64, Error>;

    /// When the oldest unfinished task was enqueued.
    async fn oldest(&self) -> Result<Option<Timestamp>, Error>;

    /// Deletes finished tasks.
    async fn sweep(&self) -> Result<(), Error>;

    /// Runs apalis's worker of this name until an error ends it.
    ///
    /// The future is boxed, because apalis builds types too deep for the compiler to prove `Send` through.
    ///
    /// # Works around
    ///
    /// The worker has no `.concurrency(…)` layer. While that layer is full and fetched tasks wait for it,
    /// apalis-core 1.0.0 sends no heartbeats and acknowledges nothing, so other workers take the tasks over.
    /// The relay's bound on the queue's length bounds the tasks in hand instead. Add the layer once a worker
    /// with more fetched tasks than concurrency keeps its heartbeats. In 1.0.0, 32 slow tasks ran 92 times.
    fn worker(&self, name: &str, tasks: Tasks) -> BoxFuture<'static, Result<(), Error>>;

    /// Sends a heartbeat for each of these workers.
    async fn beat(&self, names: &[String]) -> Result<(), Error>;

    /// Mends damage to the queue that would end each worker.
    async fn mend(&self) -> Result<(), Error> {
        Ok(())
    }

    /// Deletes unfinished tasks that apalis can't read. Returns how many.
    async fn discard_unreadable(&self) -> Result<usize, Error> {
        Ok(0)
    }

    /// Acknowledges the finished tasks of these workers, and returns the others to the queue.
    async fn hand_back(&self, names: &[String], tasks: &Tasks) -> Result<(), Error>;
}

/// The application's queue.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    backend: Arc<dyn Backend>,
    /// Authenticates the relays' tasks.
    key: TaskKey,
    /// The chunks of this process's own relay.
    handover: Arc<Handover>,
    takeover: Duration,
    interrupted: watch::Sender<()>,
}

/// Tasks that a transaction enqueues.
///
/// A queue in the database holds them with the commit. For any other queue, [`send`](Self::send) pushes
/// them after it.
#[derive(Debug)]
#[must_use = "after the commit, tasks must be sent"]
pub(crate) struct Staged<'a> {
    queue: &'a Queue,
    any: bool,
    after_commit: Vec<String>,
}

impl Queue {
    /// Opens the queue at the URL, or in the application's own database without one. Creates the tables it
    /// needs.
    ///
    /// # Errors
    ///
    /// [`Error::Queue`] if the support for this place isn't compiled in, if the database can't hold a
    /// queue, or if the place can't be reached.
    pub(crate) async fn open(
        db: &DatabaseConnection,
        url: Option<&QueueUrl>,
        options: QueueOptions,
    ) -> Result<Self, Error> {
        let takeover = options.takeover;
        let backend: Arc<dyn Backend> = match (url.map(QueueUrl::place), db.get_database_backend()) {
            (Some(Place::Memory), _) => Arc::new(memory::MemoryQueue::new(options)),
            #[cfg(feature = "redis")]
            (Some(Place::Redis { url, shown }), _) => Arc::new(redis::RedisQueue::open(url, shown, options).await?),
            #[cfg(feature = "sqlite")]
            (None, DbBackend::Sqlite) => Arc::new(sqlite::open(db, options).await?),
            #[cfg(feature = "postgres")]
            (None, DbBackend::Postgres) => Arc::new(postgres::open(db, options).await?),
            #[allow(unreachable_patterns)]
            (place, backend) => return Err(unsupported(place, backend)),
        };
        let (key, handover) = (task_key::load(db).await?, Arc::default());
        Ok(Self { backend, key, handover, takeover, interrupted: watch::Sender::new(()) })
    }

    /// Checks that this build can open a queue at the URL, or in a database of this kind without one.
    ///
    /// # Errors
    ///
    /// [`Error::Queue`] with what is missing.
    pub(crate) fn check(backend: DbBackend, url: Option<&QueueUrl>) -> Result<(), Error> {
        let place = url.map(QueueUrl::place);
        let supported = match (place, backend) {
            (Some(Place::Memory), _) => true,
            (Some(Place::Redis { .. }), _) => cfg!(feature = "redis"),
            (None, DbBackend::Sqlite) => cfg!(feature = "sqlite"),
            (None, DbBackend::Postgres) => cfg!(feature = "postgres"),
            (None, _) => false,
        };
        if supported { Ok(()) } else { Err(unsupported(place, backend)) }
    }

    /// Makes tasks of these chunks.
    ///
    /// # Errors
    ///
    /// [`Error::Queue`] if a chunk can't be written as JSON.
    pub(crate) fn seal(&self, chunks: Vec<Chunk>) -> Result<Vec<SealedTask>, Error> {
        let seal = |chunk: Chunk| {
            let text = chunk.write().map_err(|error| failed("writing a task", error))?;
            Ok(SealedTask { text: self.key.seal(text), chunk })
        };
        chunks.into_iter().map(seal).collect()
    }

    /// Enqueues tasks with the commit of this transaction, or [after](Staged::send) it if the queue is
    /// outside the database.
    pub(crate) async fn enqueue(&self, txn: &DatabaseTransaction, tasks: Vec<SealedTask>) -> Result<Staged<'_>, Error> {
        let any = !tasks.is_empty();
        let hand_over = |SealedTask { text, chunk }| {
            if let Some(code) = TaskKey::code(&text) {
                self.handover.keep(code, text.len() + chunk.bytes(), chunk);
            }
            text
        };
        let tasks = tasks.into_iter().map(hand_over).collect();
        let after_commit = if any { self.backend.enqueue(txn, tasks).await? } else { Vec::new() };
        Ok(Staged { queue: self, any, after_commit })
    }

    /// The number of unfinished tasks.
    pub(crate) async fn depth(&self) -> Result<u64, Error> {
        self.backend.depth().await
    }

    /// When the oldest unfinished task was enqueued; `None` without unfinished tasks.
    pub(crate) async fn oldest(&self) -> Result<Option<Timestamp>, Error> {
        self.backend.oldest().await
    }

    /// Deletes finished tasks. Every backend slows down with their number.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        self.backend.sweep().await
    }

    /// Restarts apalis's worker, which may wait for an answer that never comes.
    pub(crate) fn interrupt(&self) {
        self.interrupted.send_replace(());
    }

    /// Runs tasks until `stop` turns true and the tasks in hand are finished.
    pub(crate) async fn supervise(&self, handler: Handler<Task>, stop: watch::Receiver<bool>) -> Result<(), Error> {
        self.handover.open();
        let handler = received::reading(self.key.clone(), self.handover.clone(), handler);
        supervise::run(&self.backend, self.takeover, handler, self.interrupted.subscribe(), stop).await
    }
}

impl Staged<'_> {
    /// Pushes the tasks; to be called after the commit.
    ///
    /// If this fails, the reconciler finds the deliveries, and retries are due again after their lease.
    pub(crate) async fn send(self) {
        let tasks = self.after_commit.len();
        if tasks > 0
            && let Err(error) = self.queue.backend.push(self.after_commit).await
        {
            tracing::warn!(%error, tasks, "the queue refused tasks; the reconciler will enqueue their deliveries again");
        } else if self.any {
            self.queue.backend.wake();
        }
    }
}

/// The error for a place that this build supports no queue in.
fn unsupported(place: Option<&Place>, backend: DbBackend) -> Error {
    let feature = match (place, backend) {
        (Some(Place::Redis { .. }), _) => Some(("Redis", "redis")),
        (None, DbBackend::Sqlite) => Some(("SQLite", "sqlite")),
        (None, DbBackend::Postgres) => Some(("PostgreSQL", "postgres")),
        _ => None,
    };
    let message = match feature {
        Some((place, feature)) => {
            format!("support for {place} isn't compiled in; enable thorn's feature `{feature}`")
        }
        None => format!(
            "{backend:?} can't hold one; set `queue_url` (THORN_QUEUE_URL) to redis://…, or to memory: if one process runs everything"
        ),
    };
    refused(message)
}

fn refused(message: String) -> Error {
    Error::Queue { message, source: None }
}

fn failed(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Queue { message: format!("{what}: {error}"), source: Some(Box::new(error)) }
}
