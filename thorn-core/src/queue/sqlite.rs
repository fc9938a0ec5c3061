//! apalis in the application's own SQLite file.
//!
//! # Works around
//!
//! - apalis-sqlite 1.0.0: `SqliteStorage::setup` runs `PRAGMA synchronous = OFF` on a connection of the
//!   application's pool, after which a power failure may corrupt the file. [`make_tables`] runs only the migrations.
//!   Call `setup` once it leaves `synchronous` alone.
//! - apalis-sqlite 1.0.0: with the index `LIdx` on `Jobs (lock_by)`, an acknowledgement reads all tasks that
//!   the worker ever locked: 250 to 400 tasks a second, instead of 31,000. [`open`] drops the index. Keep it
//!   once the plan of `queries/task/ack.sql` searches `Jobs` by id while the index exists.
//! - sqlx-sqlite 0.9.0: the migrator's lock does nothing on SQLite, so two processes that start at the same
//!   time would both migrate. [`make_tables`] holds the write lock. Drop that once `Migrate::lock` locks.
//!
//! No upstream issues are known. [`worker`] repeats its twin in `postgres.rs`: both crates have a `Config` of
//! their own with equal methods and no common trait, and a generic function's bounds would be longer.

use apalis::prelude::{BackendExt as _, WorkerBuilder};
use apalis_sqlite::{Config, SqliteStorage};
use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseConnection, sqlx::migrate::MigrateError};

use super::{
    QueueOptions, failed,
    supervise::{HEARTBEATS, boxed, heartbeat_interval},
    tables::{Dialect, Tables},
    task::{Envelope, Tasks, run_task},
};
use crate::error::Error;

const DIALECT: Dialect = Dialect {
    jobs: "Jobs",
    workers: "Workers",
    no_metadata: "'{}'",
    now: "strftime('%s', 'now')",
    an_hour_ago: "strftime('%s', 'now') - 3600",
    long_ago: "strftime('%s', 'now') - 1000000000",
    skip_locked: "",
    before_commit: None,
    worker,
    mend: |_| Box::pin(async { Ok(()) }),
};

/// Opens the queue in the tables `Jobs` and `Workers`.
pub(super) async fn open(db: &DatabaseConnection, options: QueueOptions) -> Result<Tables, Error> {
    make_tables(db).await.map_err(|error| failed("creating apalis's tables `Jobs` and `Workers`", error))?;
    db.execute_unprepared("DROP INDEX IF EXISTS LIdx").await?;
    Ok(Tables::new(db, options, &DIALECT))
}

fn worker(tables: &Tables, name: &str, tasks: Tasks) -> BoxFuture<'static, Result<(), Error>> {
    let config = Config::default()
        .queue(&tables.options.name)
        .batch_size(tables.options.batch)
        .lock_tasks(false)
        .heartbeat_interval(heartbeat_interval(tables.options.takeover))
        .missed_heartbeats(HEARTBEATS as usize);
    let backend = SqliteStorage::<Envelope>::new(tables.db.get_sqlite_connection_pool())
        .with_config(config)
        .poll_with_strategy(tables.idle_poll());
    boxed(WorkerBuilder::new(name).backend(backend).data(tasks).build(run_task).run())
}

/// Runs apalis's migrations with SQLite's write lock held.
async fn make_tables(db: &DatabaseConnection) -> Result<(), MigrateError> {
    let mut txn = db.get_sqlite_connection_pool().begin_with("BEGIN IMMEDIATE").await?;
    SqliteStorage::migrations().set_ignore_missing(true).run(&mut *txn).await?;
    txn.commit().await?;
    Ok(())
}
