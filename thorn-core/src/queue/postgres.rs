//! apalis in the application's own PostgreSQL database.

use std::{collections::HashSet, sync::Arc};

use apalis::prelude::{BackendExt as _, WorkerBuilder};
use apalis_core::backend::ext::poll_strategy::Strategy;
use apalis_postgres::{Config, PostgresStorage};
use futures::{FutureExt as _, future::BoxFuture};
use sea_orm::{
    DatabaseConnection, DatabaseTransaction,
    sqlx::{self, migrate::MigrateError},
};
use tokio::sync::Notify;

use super::{
    Backend, QueueOptions, failed,
    tables::{Names, Tables},
    task::{Envelope, Tasks, run_task, woken},
    work::{HEARTBEATS, silence},
};
use crate::{Error, Timestamp};

const NAMES: Names = Names {
    jobs: "apalis.jobs",
    workers: "apalis.workers",
    no_metadata: "NULL",
    now: "now()",
    an_hour_ago: "now() - interval '1 hour'",
    skip_locked: " FOR UPDATE SKIP LOCKED",
};

/// The queue in the tables `apalis.jobs` and `apalis.workers`.
#[derive(Debug)]
pub(super) struct PostgresQueue {
    tables: Tables,
    options: QueueOptions,
    wake: Arc<Notify>,
}

impl PostgresQueue {
    pub(super) async fn open(db: &DatabaseConnection, options: QueueOptions) -> Result<Self, Error> {
        make_tables(db).await.map_err(|error| {
            failed(
                "making apalis's tables in the schema `apalis`, for which a database user with the right to create \
                 schemas and extensions must start a worker once",
                error,
            )
        })?;
        let tables = Tables { db: db.clone(), queue: options.name.clone(), names: &NAMES };
        Ok(Self { tables, options, wake: Arc::default() })
    }
}

#[async_trait::async_trait]
impl Backend for PostgresQueue {
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
        let backend = PostgresStorage::<Envelope>::new(self.tables.db.get_postgres_connection_pool())
            .with_config(config)
            .poll_with_strategy(strategy);
        let worker = WorkerBuilder::new(name).backend(backend).data(tasks).build(run_task).run();
        async move { worker.await.map_err(|error| failed("working tasks", error)) }.boxed()
    }
}

/// Nothing is done once all is there, so that from then on a user without the right to create
/// anything will do. Two that start at once wait for each other: sqlx takes an advisory lock.
async fn make_tables(db: &DatabaseConnection) -> Result<(), MigrateError> {
    let mut migrations = PostgresStorage::migrations();
    if let Some(made) = made(db).await? {
        let wanted = migrations.iter().filter(|migration| migration.migration_type.is_up_migration());
        if wanted.map(|migration| migration.version).all(|version| made.contains(&version)) {
            return Ok(());
        }
    }
    migrations.set_ignore_missing(true).run(db.get_postgres_connection_pool()).await
}

/// Versions of the migrations that were run, if any was.
async fn made(db: &DatabaseConnection) -> Result<Option<HashSet<i64>>, sqlx::Error> {
    let pool = db.get_postgres_connection_pool();
    let table = "SELECT to_regclass('apalis._sqlx_migrations') IS NOT NULL";
    if !sqlx::query_scalar::<_, bool>(table).fetch_one(pool).await? {
        return Ok(None);
    }
    let versions = "SELECT version FROM apalis._sqlx_migrations WHERE success";
    Ok(Some(sqlx::query_scalar(versions).fetch_all(pool).await?.into_iter().collect()))
}
