//! apalis in the application's own PostgreSQL database.
//!
//! # Works around
//!
//! - apalis-postgres 1.0.0: `setup` and the migrator need the right to create schemas and extensions each
//!   time, even if all tables exist. [`make_tables`] compares the versions first. Run the migrator alone once
//!   it needs no such right for a complete schema; the integration tests `databases::rights` show it.
//! - apalis-postgres 1.0.0: the column `job` has PostgreSQL's default storage, so the server tries in vain to
//!   compress each task. [`store_uncompressed`] changes that. Delete it once the migrations set the storage.
//!
//! No upstream issues are known. [`worker`] repeats its twin in `sqlite.rs`, which says why.

use std::collections::HashSet;

use apalis::prelude::{BackendExt as _, WorkerBuilder};
use apalis_postgres::{Config, PostgresStorage};
use futures::future::BoxFuture;
use sea_orm::{
    DatabaseConnection,
    sqlx::{self, migrate::MigrateError},
};

use super::{
    QueueOptions, failed,
    supervise::{HEARTBEATS, boxed, heartbeat_interval},
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
    // A claim needn't wait for the disk. A worker acts on its tasks only after its fetch is committed, and
    // that commit waits for the disk, with the claim before it in the log. A crash of the server undoes both,
    // or a claim that no worker has seen.
    before_commit: Some("SET LOCAL synchronous_commit TO off"),
    worker,
};

/// Opens the queue in the tables `apalis.jobs` and `apalis.workers`.
pub(super) async fn open(db: &DatabaseConnection, options: QueueOptions) -> Result<Tables, Error> {
    make_tables(db).await.map_err(|error| {
        failed(
            "creating apalis's tables in the schema `apalis` (a database user with the right to create schemas and \
             extensions must start a worker once)",
            error,
        )
    })?;
    if let Err(error) = store_uncompressed(db).await {
        tracing::debug!(%error, "can't keep PostgreSQL from compressing tasks");
    }
    Ok(Tables::new(db, options, &DIALECT))
}

fn worker(tables: &Tables, name: &str, tasks: Tasks) -> BoxFuture<'static, Result<(), Error>> {
    let config = Config::default()
        .queue(&tables.options.name)
        .batch_size(tables.options.batch)
        .lock_tasks(false)
        .heartbeat_interval(heartbeat_interval(tables.options.takeover))
        .missed_heartbeats(HEARTBEATS as usize);
    let backend = PostgresStorage::<Envelope>::new(tables.db.get_postgres_connection_pool())
        .with_config(config)
        .poll_with_strategy(tables.idle_poll());
    boxed(WorkerBuilder::new(name).backend(backend).data(tasks).build(run_task).run())
}

/// Runs apalis's migrations unless all of them were run, so that later starts need no right to create
/// anything. Workers that start at the same time wait for each other: sqlx takes an advisory lock.
async fn make_tables(db: &DatabaseConnection) -> Result<(), MigrateError> {
    let mut migrations = PostgresStorage::migrations();
    if let Some(done) = migrated_versions(db).await? {
        let wanted = migrations.iter().filter(|migration| migration.migration_type.is_up_migration());
        if wanted.map(|migration| migration.version).all(|version| done.contains(&version)) {
            return Ok(());
        }
    }
    migrations.set_ignore_missing(true).run(db.get_postgres_connection_pool()).await
}

/// Keeps PostgreSQL from compressing tasks. They are mostly ids and signatures, so compression saves nothing,
/// and storing a task takes five times as long.
async fn store_uncompressed(db: &DatabaseConnection) -> Result<(), sqlx::Error> {
    let pool = db.get_postgres_connection_pool();
    let compresses = "SELECT attstorage <> 'e' FROM pg_attribute \
                      WHERE attrelid = 'apalis.jobs'::regclass AND attname = 'job'";
    if sqlx::query_scalar(compresses).fetch_one(pool).await? {
        sqlx::query("ALTER TABLE apalis.jobs ALTER COLUMN job SET STORAGE EXTERNAL").execute(pool).await?;
    }
    Ok(())
}

/// Versions of the migrations that were run; `None` without a table of them.
async fn migrated_versions(db: &DatabaseConnection) -> Result<Option<HashSet<i64>>, sqlx::Error> {
    let pool = db.get_postgres_connection_pool();
    let table = "SELECT to_regclass('apalis._sqlx_migrations') IS NOT NULL";
    if !sqlx::query_scalar::<_, bool>(table).fetch_one(pool).await? {
        return Ok(None);
    }
    let versions = "SELECT version FROM apalis._sqlx_migrations WHERE success";
    Ok(Some(sqlx::query_scalar(versions).fetch_all(pool).await?.into_iter().collect()))
}
