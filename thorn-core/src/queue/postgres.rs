//! apalis in the application's own PostgreSQL database.
//!
//! [`worker`] repeats its twin in `sqlite.rs`, which says why.

mod apalis_tables;

use apalis::prelude::{BackendExt as _, WorkerBuilder};
use apalis_postgres::{Config, PostgresStorage};
use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};

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
    mend,
};

/// Opens the queue in the tables `apalis.jobs` and `apalis.workers`.
///
/// All schemas of the database share these tables. So outside the schema `public`, the queue's name gets the schema as a
/// suffix.
pub(super) async fn open(db: &DatabaseConnection, mut options: QueueOptions) -> Result<Tables, Error> {
    if let Some(schema) = schema(db).await?.filter(|schema| schema != "public") {
        options.name = format!("{}@{schema}", options.name);
    }
    apalis_tables::make(db).await.map_err(|error| {
        failed(
            "creating apalis's tables in the schema `apalis` (a database user with the right to create schemas and \
             extensions must start a worker once)",
            error,
        )
    })?;
    apalis_tables::mend(db).await.map_err(|error| failed("mending apalis's table `apalis.jobs`", error))?;
    if let Err(error) = apalis_tables::store_uncompressed(db).await {
        tracing::debug!(%error, "can't keep PostgreSQL from compressing tasks");
    }
    Ok(Tables::new(db, options, &DIALECT))
}

/// The schema in which the application's tables are created.
async fn schema(db: &DatabaseConnection) -> Result<Option<String>, Error> {
    let sql = Statement::from_string(DbBackend::Postgres, "SELECT current_schema()::text AS name");
    Ok(db.query_one_raw(sql).await?.map_or(Ok(None), |row| row.try_get("", "name"))?)
}

fn mend(db: &DatabaseConnection) -> BoxFuture<'_, Result<(), Error>> {
    Box::pin(async { apalis_tables::mend(db).await.map_err(|error| failed("mending `apalis.jobs`", error)) })
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
