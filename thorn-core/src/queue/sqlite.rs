//! apalis in the application's own SQLite file.

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use apalis::prelude::{BackendExt as _, Data, WorkerBuilder};
use apalis_core::{backend::ext::poll_strategy::Strategy, task::attempt::Attempt};
use apalis_sqlite::{Config, SqliteStorage};
use futures::{FutureExt as _, Stream, future::BoxFuture, stream};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement, Value, sqlx::migrate::MigrateError,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use tokio::sync::{Notify, watch};
use ulid::Ulid;

use super::{Handler, QueueOptions};
use crate::{Error, Timestamp};

/// Tasks of one INSERT.
const ROWS_PER_INSERT: usize = 200;

/// Heartbeats within the time after which a silent worker loses its tasks.
const HEARTBEATS: u32 = 5;

/// How long an unexpected end of apalis's worker is waited out before it is started anew.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// The queue in the tables `Jobs` and `Workers`.
#[derive(Clone)]
pub(crate) struct SqliteQueue {
    db: DatabaseConnection,
    options: QueueOptions,
    wake: Arc<Notify>,
}

impl fmt::Debug for SqliteQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteQueue").field("options", &self.options).finish_non_exhaustive()
    }
}

/// The text of a task. Any JSON decodes, because an argument that doesn't would kill apalis's
/// worker; whether it is a chunk, the handler finds out.
#[derive(Clone, Serialize)]
#[serde(transparent)]
struct Envelope(String);

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Self(String::from(Box::<str>::from(raw))))
    }
}

impl SqliteQueue {
    pub(super) async fn open(db: &DatabaseConnection, options: QueueOptions) -> Result<Self, Error> {
        make_tables(db).await.map_err(|error| failed("making apalis's tables `Jobs` and `Workers`", error))?;
        // With this index every acknowledgement reads all tasks the worker ever had.
        db.execute_unprepared("DROP INDEX IF EXISTS LIdx").await?;
        Ok(Self { db: db.clone(), options, wake: Arc::new(Notify::new()) })
    }

    pub(super) async fn enqueue(&self, txn: &DatabaseTransaction, tasks: &[String]) -> Result<(), Error> {
        for batch in tasks.chunks(ROWS_PER_INSERT) {
            let rows = vec!["(?, ?, ?, 1000000, '{}')"; batch.len()].join(", ");
            let sql = format!("INSERT INTO Jobs (id, job_type, job, max_attempts, metadata) VALUES {rows}");
            let values = batch.iter().flat_map(|task| {
                [
                    Value::from(Ulid::generate().to_string()),
                    Value::from(self.options.name.clone()),
                    Value::from(task.clone().into_bytes()),
                ]
            });
            txn.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)).await?;
        }
        Ok(())
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) async fn depth(&self) -> Result<u64, Error> {
        let row = self.unfinished("COUNT(*) AS depth").await?;
        let depth: i64 = row.map_or(Ok(0), |row| row.try_get("", "depth"))?;
        Ok(u64::try_from(depth).unwrap_or(0))
    }

    pub(super) async fn oldest(&self) -> Result<Option<Timestamp>, Error> {
        let row = self.unfinished("MIN(id) AS oldest").await?;
        let id: Option<String> = row.map_or(Ok(None), |row| row.try_get("", "oldest"))?;
        // A ULID begins with its time.
        let oldest = id.and_then(|id| Ulid::from_string(&id).ok());
        Ok(oldest.map(|id| Timestamp::from_millis(i64::try_from(id.timestamp_ms()).unwrap_or(i64::MAX))))
    }

    async fn unfinished(&self, what: &str) -> Result<Option<sea_orm::QueryResult>, Error> {
        let sql = format!(
            "SELECT {what} FROM Jobs WHERE job_type = ? AND status IN ('Pending', 'Queued', 'Running', 'Failed')"
        );
        let values = [Value::from(self.options.name.clone())];
        Ok(self.db.query_one_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)).await?)
    }

    pub(super) async fn sweep(&self) -> Result<(), Error> {
        let run = |sql: &str| {
            let values = [Value::from(self.options.name.clone())];
            self.db.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, values))
        };
        run("DELETE FROM Jobs WHERE job_type = ? AND status IN ('Done', 'Killed')").await?;
        run("DELETE FROM Workers WHERE worker_type = ? AND last_seen < strftime('%s', 'now') - 3600 \
             AND NOT EXISTS (SELECT 1 FROM Jobs WHERE Jobs.lock_by = Workers.id)")
        .await?;
        Ok(())
    }

    pub(super) async fn work(&self, handler: Handler, stop: watch::Receiver<bool>) -> Result<(), Error> {
        while !*stop.borrow() {
            match self.work_once(handler.clone(), stop.clone()).await {
                Ok(()) => break,
                // A database error ends apalis's worker; the tasks it had are taken over.
                Err(error) => tracing::warn!(%error, "the queue's worker stopped, starting it anew"),
            }
            let mut stop = stop.clone();
            let _ = tokio::time::timeout(RESTART_PAUSE, stop.wait_for(|stop| *stop)).await;
        }
        Ok(())
    }

    /// Boxed, because the types apalis builds are too deep for the compiler to prove `Send` through.
    fn work_once(&self, handler: Handler, mut stop: watch::Receiver<bool>) -> BoxFuture<'static, Result<(), Error>> {
        let QueueOptions { name, poll, takeover, batch } = &self.options;
        // apalis compares whole seconds: of a difference of two only one has passed for certain.
        let silence = Duration::from_secs(takeover.as_secs() + 1 + u64::from(takeover.subsec_nanos() > 0));
        let config = Config::default()
            .queue(name)
            .batch_size(*batch)
            .lock_tasks(false)
            .heartbeat_interval(silence / HEARTBEATS)
            .missed_heartbeats(HEARTBEATS as usize);
        let strategy = Strategy::new().stream(woken(self.wake.clone())).interval(*poll);
        let backend = SqliteStorage::<Envelope>::new(self.db.get_sqlite_connection_pool())
            .with_config(config)
            .poll_with_strategy(strategy);
        // A worker that comes back under its old name would never recover its own orphans.
        let name = format!("thorn-{}-{}", std::process::id(), Ulid::generate());
        // No `.concurrency(…)`: while that layer is full and fetched tasks wait for it, apalis sends no
        // heartbeats and acknowledges nothing. The relay's bound on the queue's length is the bound on
        // tasks in hand.
        let worker =
            WorkerBuilder::new(name.as_str()).backend(backend).data(handler).build(run_task).run_until(async move {
                let _ = stop.wait_for(|stop| *stop).await;
                Ok::<_, std::io::Error>(())
            });
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

fn woken(wake: Arc<Notify>) -> Pin<Box<dyn Stream<Item = ()> + Send + Sync>> {
    Box::pin(stream::unfold(wake, |wake| async move {
        wake.notified().await;
        Some(((), wake))
    }))
}

/// What apalis calls. It never fails and never panics: both would reach other tasks. It runs apart
/// from apalis's worker, whose end after a database error would cut off all requests under way.
async fn run_task(task: Envelope, attempt: Attempt, handler: Data<Handler>) {
    match tokio::spawn(handler.call(task.0, attempt.current() > 1)).await {
        Ok(()) => {}
        // The runtime is going down: to return would acknowledge what was cut off.
        Err(cancelled) if cancelled.is_cancelled() => std::future::pending().await,
        Err(panic) => tracing::error!(%panic, "a task panicked; its deliveries are left to the reconciler"),
    }
}

fn failed(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Queue { message: format!("{what}: {error}"), source: Some(Box::new(error)) }
}
