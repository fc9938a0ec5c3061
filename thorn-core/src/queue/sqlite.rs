//! apalis in the application's own SQLite file.

use std::sync::Arc;

use apalis::prelude::{BackendExt as _, WorkerBuilder};
use apalis_core::backend::ext::poll_strategy::Strategy;
use apalis_sqlite::{Config, SqliteStorage};
use futures::{FutureExt as _, future::BoxFuture};
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, sqlx::migrate::MigrateError};
use tokio::sync::Notify;

use super::{
    Backend, QueueOptions, failed,
    tables::{Names, Tables},
    task::{Envelope, Tasks, run_task, woken},
    work::{HEARTBEATS, silence},
};
use crate::{Error, Timestamp};

const NAMES: Names = Names {
    jobs: "Jobs",
    workers: "Workers",
    no_metadata: "'{}'",
    now: "strftime('%s', 'now')",
    an_hour_ago: "strftime('%s', 'now') - 3600",
    skip_locked: "",
};

/// The queue in the tables `Jobs` and `Workers`.
#[derive(Debug)]
pub(super) struct SqliteQueue {
    tables: Tables,
    options: QueueOptions,
    wake: Arc<Notify>,
}

impl SqliteQueue {
    pub(super) async fn open(db: &DatabaseConnection, options: QueueOptions) -> Result<Self, Error> {
        make_tables(db).await.map_err(|error| failed("making apalis's tables `Jobs` and `Workers`", error))?;
        // With this index every acknowledgement reads all tasks the worker ever had.
        db.execute_unprepared("DROP INDEX IF EXISTS LIdx").await?;
        let tables = Tables { db: db.clone(), queue: options.name.clone(), names: &NAMES };
        Ok(Self { tables, options, wake: Arc::default() })
    }
}

#[async_trait::async_trait]
impl Backend for SqliteQueue {
    async fn enqueue(&self, txn: &DatabaseTransaction, tasks: Vec<String>) -> Result<Vec<String>, Error> {
        self.tables.enqueue(txn, &tasks).await?;
        Ok(Vec::new())
    }

    fn wake(&self) {
        self.wake.notify_one();
    }

    async fn depth(&self) -> Result<u64, Error> {
        self.tables.depth().await
    }

    async fn oldest(&self) -> Result<Option<Timestamp>, Error> {
        self.tables.oldest().await
    }

    async fn sweep(&self) -> Result<(), Error> {
        self.tables.sweep().await
    }

    async fn beat(&self, names: &[String]) -> Result<(), Error> {
        self.tables.beat(names).await
    }

    async fn hand_back(&self, names: &[String], tasks: &Tasks) -> Result<(), Error> {
        self.tables.hand_back(names, tasks).await
    }

    fn worker(&self, name: &str, tasks: Tasks) -> BoxFuture<'static, Result<(), Error>> {
        let config = Config::default()
            .queue(&self.options.name)
            .batch_size(self.options.batch)
            .lock_tasks(false)
            .heartbeat_interval(silence(self.options.takeover) / HEARTBEATS)
            .missed_heartbeats(HEARTBEATS as usize);
        let strategy = Strategy::new().stream(woken(self.wake.clone())).interval(self.options.poll);
        let backend = SqliteStorage::<Envelope>::new(self.tables.db.get_sqlite_connection_pool())
            .with_config(config)
            .poll_with_strategy(strategy);
        let worker = WorkerBuilder::new(name).backend(backend).data(tasks).build(run_task).run();
        async move { worker.await.map_err(|error| failed("working tasks", error)) }.boxed()
    }
}

/// Not `SqliteStorage::setup`: that turns off `synchronous` for the application, too. And with the
/// write lock held, because on SQLite sqlx's own lock on migrations is none.
async fn make_tables(db: &DatabaseConnection) -> Result<(), MigrateError> {
    let mut txn = db.get_sqlite_connection_pool().begin_with("BEGIN IMMEDIATE").await?;
    SqliteStorage::migrations().set_ignore_missing(true).run(&mut *txn).await?;
    txn.commit().await?;
    Ok(())
}
