//! The queue: a conveyor belt of short, immediate work between the relay and the workers.
//!
//! The database is the truth. What the queue holds are signed bodies and ids, never a secret and
//! never a delay; what it loses, the reconciler finds. This is the only module that names apalis.

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "redis"))]
mod idle_poll;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
mod queue_url;
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

pub use queue_url::{InvalidQueueUrl, QueueUrl};

use std::{fmt, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbBackend};
use tokio::sync::watch;

use self::task::Tasks;
use crate::{error::Error, timestamp::Timestamp};
use queue_url::Place;

/// How the queue is worked.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(any(feature = "sqlite", feature = "postgres", feature = "redis")),
    allow(dead_code, reason = "memory needs less")
)]
pub(crate) struct QueueOptions {
    /// Separates applications that share a queue.
    pub(crate) name: String,
    /// How often an idle worker looks for tasks it wasn't told of.
    pub(crate) poll: Duration,
    /// A silent worker's tasks go to another one after this time.
    pub(crate) takeover: Duration,
    /// Tasks fetched at once.
    pub(crate) batch: usize,
}

/// A task as the queue hands it to a worker.
#[derive(Debug)]
pub(crate) struct Task {
    /// What the relay enqueued: a chunk as JSON.
    pub(crate) text: String,
    pub(crate) attempt: TaskAttempt,
}

/// Whether a worker may have begun a task before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TaskAttempt {
    /// No worker has begun it.
    First,
    /// Another worker may have begun it, so some of its deliveries may be recorded.
    Again,
}

/// What a worker does with a task.
#[derive(Clone)]
pub(crate) struct Handler(Arc<dyn Fn(Task) -> BoxFuture<'static, ()> + Send + Sync>);

impl Handler {
    pub(crate) fn new(handler: impl Fn(Task) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(handler))
    }

    fn call(&self, task: Task) -> BoxFuture<'static, ()> {
        (self.0)(task)
    }
}

/// What each kind of queue has to do.
#[async_trait::async_trait]
trait Backend: fmt::Debug + Send + Sync {
    /// Puts tasks on the queue in this transaction, or returns them to be [pushed](Self::push) after
    /// its commit.
    async fn enqueue(&self, txn: &DatabaseTransaction, tasks: Vec<String>) -> Result<Vec<String>, Error>;

    /// Puts tasks on a queue that is no part of the database.
    async fn push(&self, _tasks: Vec<String>) -> Result<(), Error> {
        Ok(())
    }

    /// Tells an idle worker of this process that there are tasks.
    fn wake(&self);

    async fn depth(&self) -> Result<u64, Error>;

    async fn oldest(&self) -> Result<Option<Timestamp>, Error>;

    async fn sweep(&self) -> Result<(), Error>;

    /// apalis's worker of this name, which runs until something fails. Boxed, because the types apalis
    /// builds are too deep for the compiler to prove `Send` through.
    ///
    /// No `.concurrency(…)` layer: while it is full and fetched tasks wait for it, apalis sends no
    /// heartbeats and acknowledges nothing. The relay's bound on the queue's length is the bound on
    /// tasks in hand.
    fn worker(&self, name: &str, tasks: Tasks) -> BoxFuture<'static, Result<(), Error>>;

    /// A sign of life of these workers.
    async fn beat(&self, names: &[String]) -> Result<(), Error>;

    /// Deletes unfinished tasks at which apalis's worker would end again and again; returns how many.
    async fn discard_unreadable(&self) -> Result<usize, Error> {
        Ok(0)
    }

    /// Acknowledges what these workers have finished and gives the rest to others at once.
    async fn hand_back(&self, names: &[String], tasks: &Tasks) -> Result<(), Error>;
}

/// The queue of this application.
#[derive(Clone, Debug)]
pub(crate) struct Queue {
    backend: Arc<dyn Backend>,
    takeover: Duration,
    interrupted: watch::Sender<()>,
}

/// Tasks on their way: those of a queue in the database are there with the commit, the others have
/// to be sent after it.
#[derive(Debug)]
#[must_use = "after the commit, tasks must be sent"]
pub(crate) struct Staged<'a> {
    queue: &'a Queue,
    any: bool,
    after_commit: Vec<String>,
}

impl Queue {
    /// The one place that chooses: where the URL says, else in the application's own database. What
    /// the queue needs there is made if it is missing.
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
            #[cfg(not(feature = "redis"))]
            (Some(Place::Redis { .. }), _) => return Err(not_compiled_in("Redis", "redis")),
            #[cfg(feature = "sqlite")]
            (None, DbBackend::Sqlite) => Arc::new(sqlite::open(db, options).await?),
            #[cfg(not(feature = "sqlite"))]
            (None, DbBackend::Sqlite) => return Err(not_compiled_in("SQLite", "sqlite")),
            #[cfg(feature = "postgres")]
            (None, DbBackend::Postgres) => Arc::new(postgres::open(db, options).await?),
            #[cfg(not(feature = "postgres"))]
            (None, DbBackend::Postgres) => return Err(not_compiled_in("PostgreSQL", "postgres")),
            (None, other) => {
                return Err(refused(format!(
                    "there is none in {other:?}; set `queue_url` (THORN_QUEUE_URL) to redis://…, or to memory: if all runs in one process"
                )));
            }
        };
        Ok(Self { backend, takeover, interrupted: watch::Sender::new(()) })
    }

    /// Puts tasks on the queue: with the commit of the relay's transaction, or [after](Staged::send)
    /// it if the queue is elsewhere.
    pub(crate) async fn enqueue(&self, txn: &DatabaseTransaction, tasks: Vec<String>) -> Result<Staged<'_>, Error> {
        let any = !tasks.is_empty();
        let after_commit = if any { self.backend.enqueue(txn, tasks).await? } else { Vec::new() };
        Ok(Staged { queue: self, any, after_commit })
    }

    /// Tasks that aren't finished.
    pub(crate) async fn depth(&self) -> Result<u64, Error> {
        self.backend.depth().await
    }

    /// When the oldest unfinished task was enqueued, if there is one.
    pub(crate) async fn oldest(&self) -> Result<Option<Timestamp>, Error> {
        self.backend.oldest().await
    }

    /// Deletes finished tasks, which slow every backend down.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        self.backend.sweep().await
    }

    /// Has apalis's worker dropped and started anew: it may wait for an answer that never comes, which it
    /// wouldn't notice.
    pub(crate) fn interrupt(&self) {
        self.interrupted.send_replace(());
    }

    /// Works tasks until `stop` turns true and the tasks in hand are finished.
    pub(crate) async fn work(&self, handler: Handler, stop: watch::Receiver<bool>) -> Result<(), Error> {
        supervise::work(&self.backend, self.takeover, handler, self.interrupted.subscribe(), stop).await
    }
}

impl Staged<'_> {
    /// To be called after the commit. What can't be sent is found by the reconciler, or due again when
    /// its lease is over.
    pub(crate) async fn send(self) {
        let tasks = self.after_commit.len();
        if tasks > 0
            && let Err(error) = self.queue.backend.push(self.after_commit).await
        {
            tracing::warn!(%error, tasks, "the queue didn't take tasks; the reconciler will find their deliveries");
        } else if self.any {
            self.queue.backend.wake();
        }
    }
}

#[cfg(not(all(feature = "sqlite", feature = "postgres", feature = "redis")))]
fn not_compiled_in(place: &str, feature: &str) -> Error {
    refused(format!("the one in {place} isn't compiled in; enable the feature `{feature}` of thorn"))
}

fn refused(message: String) -> Error {
    Error::Queue { message, source: None }
}

fn failed(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Queue { message: format!("{what}: {error}"), source: Some(Box::new(error)) }
}
