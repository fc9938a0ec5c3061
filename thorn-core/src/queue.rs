//! The queue: a conveyor belt of short, immediate work between the relay and the workers.
//!
//! The database is the truth. What the queue holds are signed bodies and ids, never a secret and
//! never a delay; what it loses, the reconciler finds. This is the only module that names apalis.

mod chunk;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use chunk::{Bodies, CHUNK_VERSION, Chunk, ChunkDelivery, ChunkEvent};

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use sea_orm::{DatabaseConnection, DatabaseTransaction, DbBackend};
use tokio::sync::watch;

use crate::{Error, Timestamp};

/// How the queue is worked.
#[derive(Clone, Debug)]
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

/// What a worker does with a task: the text of a chunk, and whether it may have been begun before.
#[derive(Clone)]
pub(crate) struct Handler(Arc<dyn Fn(String, bool) -> BoxFuture<'static, ()> + Send + Sync>);

impl Handler {
    pub(crate) fn new(handler: impl Fn(String, bool) -> BoxFuture<'static, ()> + Send + Sync + 'static) -> Self {
        Self(Arc::new(handler))
    }

    fn call(&self, task: String, again: bool) -> BoxFuture<'static, ()> {
        (self.0)(task, again)
    }
}

/// The queue of this application.
#[derive(Clone, Debug)]
pub(crate) enum Queue {
    /// In the application's own SQLite file.
    #[cfg(feature = "sqlite")]
    Sqlite(sqlite::SqliteQueue),
}

impl Queue {
    /// The queue that fits the database; its tables are made if they are missing.
    pub(crate) async fn open(db: &DatabaseConnection, options: QueueOptions) -> Result<Self, Error> {
        match db.get_database_backend() {
            #[cfg(feature = "sqlite")]
            DbBackend::Sqlite => Ok(Self::Sqlite(sqlite::SqliteQueue::open(db, options).await?)),
            other => Err(Error::Queue {
                message: format!(
                    "no queue for {other:?} is compiled in (queue `{}`); enable the matching feature of thorn",
                    options.name
                ),
                source: None,
            }),
        }
    }

    /// Puts tasks on the queue inside the relay's transaction: they appear with its commit.
    pub(crate) async fn enqueue(&self, txn: &DatabaseTransaction, tasks: &[String]) -> Result<(), Error> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref queue) => queue.enqueue(txn, tasks).await,
        }
    }

    /// Tells an idle worker of this process that there are tasks, once they are committed.
    pub(crate) fn wake(&self) {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref queue) => queue.wake(),
        }
    }

    /// Tasks that aren't finished.
    pub(crate) async fn depth(&self) -> Result<u64, Error> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref queue) => queue.depth().await,
        }
    }

    /// When the oldest unfinished task was enqueued, if there is one.
    pub(crate) async fn oldest(&self) -> Result<Option<Timestamp>, Error> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref queue) => queue.oldest().await,
        }
    }

    /// Deletes finished tasks, which slow every backend down.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref queue) => queue.sweep().await,
        }
    }

    /// Works tasks until `stop` turns true and the tasks in hand are finished.
    pub(crate) async fn work(&self, handler: Handler, stop: watch::Receiver<bool>) -> Result<(), Error> {
        match *self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(ref queue) => queue.work(handler, stop).await,
        }
    }
}
