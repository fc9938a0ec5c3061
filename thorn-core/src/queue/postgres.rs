//! apalis in the application's own PostgreSQL database.

use std::collections::HashSet;

use apalis::prelude::{BackendExt as _, WorkerBuilder};
use apalis_postgres::{Config, PostgresStorage};
use futures::{FutureExt as _, future::BoxFuture};
use sea_orm::{
    DatabaseConnection,
    sqlx::{self, migrate::MigrateError},
};

use super::{
    QueueOptions, failed,
    idle_poll::Look,
    supervise::{HEARTBEATS, silence},
    tables::{Dialect, Tables},
    task::{Envelope, Tasks, run_task},
};
use crate::error::Error;

const DIALECT: Dialect = Dialect {
    jobs: "apalis.jobs",
    workers: "apalis.workers",
    no_metadata: "NULL",
    now: "now()",
    an_hour_ago: "now() - interval '1 hour'",
    long_ago: "now() - interval '30 years'",
    skip_locked: " FOR UPDATE SKIP LOCKED",
    // Nobody acts on a claim before a worker's fetch of its tasks is committed. That one waits for the disk,
    // and the log has the claim before it: a crash of the server undoes both or what nobody has seen.
    before_commit: Some("SET LOCAL synchronous_commit TO off"),
    worker,
};

/// Opens the queue in the tables `apalis.jobs` and `apalis.workers`.
pub(super) async fn open(db: &DatabaseConnection, options: QueueOptions) -> Result<Tables, Error> {
    make_tables(db).await.map_err(|error| {
        failed(
            "making apalis's tables in the schema `apalis`, for which a database user with the right to create \
             schemas and extensions must start a worker once",
            error,
        )
    })?;
    if let Err(error) = store_as_it_is(db).await {
        tracing::debug!(%error, "PostgreSQL goes on trying to compress tasks");
    }
    Ok(Tables::new(db, options, &DIALECT))
}

fn worker(tables: &Tables, name: &str, tasks: Tasks) -> BoxFuture<'static, Result<(), Error>> {
    let config = Config::default()
        .queue(&tables.options.name)
        .batch_size(tables.options.batch)
        .lock_tasks(false)
        .heartbeat_interval(silence(tables.options.takeover) / HEARTBEATS)
        .missed_heartbeats(HEARTBEATS as usize);
    let look = Look::new(tables.wake.clone(), tables.options.poll);
    let backend = PostgresStorage::<Envelope>::new(tables.db.get_postgres_connection_pool())
        .with_config(config)
        .poll_with_strategy(look);
    let worker = WorkerBuilder::new(name).backend(backend).data(tasks).build(run_task).run();
    async move { worker.await.map_err(|error| failed("working tasks", error)) }.boxed()
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

/// Has PostgreSQL not try to compress tasks, which are ids and signatures for the most part: it takes five
/// times as long to store one, and saves nothing.
async fn store_as_it_is(db: &DatabaseConnection) -> Result<(), sqlx::Error> {
    let pool = db.get_postgres_connection_pool();
    let compresses = "SELECT attstorage <> 'e' FROM pg_attribute \
                      WHERE attrelid = 'apalis.jobs'::regclass AND attname = 'job'";
    if sqlx::query_scalar(compresses).fetch_one(pool).await? {
        sqlx::query("ALTER TABLE apalis.jobs ALTER COLUMN job SET STORAGE EXTERNAL").execute(pool).await?;
    }
    Ok(())
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
