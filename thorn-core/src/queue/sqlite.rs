//! apalis in the application's own SQLite file.

use apalis::prelude::{BackendExt as _, WorkerBuilder};
use apalis_sqlite::{Config, SqliteStorage};
use futures::{FutureExt as _, future::BoxFuture};
use sea_orm::{ConnectionTrait, DatabaseConnection, sqlx::migrate::MigrateError};

use super::{
    QueueOptions, failed,
    idle_poll::Look,
    supervise::{HEARTBEATS, silence},
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
};

/// Opens the queue in the tables `Jobs` and `Workers`.
pub(super) async fn open(db: &DatabaseConnection, options: QueueOptions) -> Result<Tables, Error> {
    make_tables(db).await.map_err(|error| failed("making apalis's tables `Jobs` and `Workers`", error))?;
    // With this index every acknowledgement reads all tasks the worker ever had.
    db.execute_unprepared("DROP INDEX IF EXISTS LIdx").await?;
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
    let backend = SqliteStorage::<Envelope>::new(tables.db.get_sqlite_connection_pool())
        .with_config(config)
        .poll_with_strategy(look);
    let worker = WorkerBuilder::new(name).backend(backend).data(tasks).build(run_task).run();
    async move { worker.await.map_err(|error| failed("working tasks", error)) }.boxed()
}

/// Not `SqliteStorage::setup`: that turns off `synchronous` for the application, too. And with the
/// write lock held, because on SQLite sqlx's own lock on migrations is none.
async fn make_tables(db: &DatabaseConnection) -> Result<(), MigrateError> {
    let mut txn = db.get_sqlite_connection_pool().begin_with("BEGIN IMMEDIATE").await?;
    SqliteStorage::migrations().set_ignore_missing(true).run(&mut *txn).await?;
    txn.commit().await?;
    Ok(())
}
