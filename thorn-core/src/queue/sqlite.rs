//! apalis in the application's own SQLite file.

use std::{
    collections::VecDeque,
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use apalis::prelude::{BackendExt as _, Data, WorkerBuilder};
use apalis_core::{
    backend::ext::poll_strategy::Strategy,
    task::{attempt::Attempt, task_id::TaskId},
};
use apalis_sqlite::{Config, SqliteStorage};
use futures::{FutureExt as _, Stream, future::BoxFuture, stream};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, Statement, Value, sqlx::migrate::MigrateError,
};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use tokio::sync::{Notify, mpsc, watch};
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

    /// apalis's own way to stop deadlocks on SQLite: it no longer polls a fetch or heartbeat that it
    /// began, whose transaction keeps the write lock, and waits for tasks that need it to be recorded.
    /// So its worker is dropped, and the tasks are waited for and handed back here.
    pub(super) async fn work(&self, handler: Handler, mut stop: watch::Receiver<bool>) -> Result<(), Error> {
        let (running, mut ended) = mpsc::channel(1);
        let mut task = Task { handler, finished: Arc::default(), running: Some(running) };
        let mut names = Vec::new();
        while !*stop.borrow() {
            // A worker that comes back under its old name would never recover its own orphans.
            let name = format!("thorn-{}-{}", std::process::id(), Ulid::generate());
            let worker = self.worker(&name, task.clone());
            names.push(name);
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                // A database error ends apalis's worker; the tasks it had go on, and are taken over.
                ended = worker => tracing::warn!(error = ?ended.err(), "the queue's worker stopped, starting it anew"),
            }
            let _ = tokio::time::timeout(RESTART_PAUSE, stop.wait_for(|stop| *stop)).await;
        }
        task.running = None;
        while tokio::time::timeout(self.silence() / HEARTBEATS, ended.recv()).await.is_err() {
            let seen = "UPDATE Workers SET last_seen = strftime('%s', 'now') WHERE id";
            if let Err(error) = self.of_workers(seen, &names).await {
                tracing::warn!(%error, "a heartbeat failed");
            }
        }
        // What was finished and not acknowledged must not run again; the rest shall, at once.
        let finished = task.finished();
        let done = format!(
            "UPDATE Jobs SET status = 'Done', done_at = strftime('%s', 'now') WHERE id IN ({finished}) AND lock_by"
        );
        self.of_workers(&done, &names).await?;
        let hand_back = "UPDATE Jobs SET status = 'Pending', lock_by = NULL, lock_at = NULL, attempts = attempts + 1 \
                         WHERE status IN ('Queued', 'Running') AND lock_by";
        self.of_workers(hand_back, &names).await
    }

    /// A statement that ends in a column, for the rows in which that is one of these workers.
    async fn of_workers(&self, sql: &str, names: &[String]) -> Result<(), Error> {
        let sql = format!("{sql} IN ({})", vec!["?"; names.len()].join(", "));
        let values = names.iter().map(Value::from);
        self.db.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)).await?;
        Ok(())
    }

    /// apalis compares whole seconds: of a difference of two only one has passed for certain.
    fn silence(&self) -> Duration {
        let takeover = self.options.takeover;
        Duration::from_secs(takeover.as_secs() + 1 + u64::from(takeover.subsec_nanos() > 0))
    }

    /// Boxed, because the types apalis builds are too deep for the compiler to prove `Send` through.
    fn worker(&self, name: &str, task: Task) -> BoxFuture<'static, Result<(), Error>> {
        let config = Config::default()
            .queue(&self.options.name)
            .batch_size(self.options.batch)
            .lock_tasks(false)
            .heartbeat_interval(self.silence() / HEARTBEATS)
            .missed_heartbeats(HEARTBEATS as usize);
        let strategy = Strategy::new().stream(woken(self.wake.clone())).interval(self.options.poll);
        let backend = SqliteStorage::<Envelope>::new(self.db.get_sqlite_connection_pool())
            .with_config(config)
            .poll_with_strategy(strategy);
        // No `.concurrency(…)`: while that layer is full and fetched tasks wait for it, apalis sends no
        // heartbeats and acknowledges nothing. The relay's bound on the queue's length is the bound on
        // tasks in hand.
        let worker = WorkerBuilder::new(name).backend(backend).data(task).build(run_task).run();
        async move { worker.await.map_err(|error| failed("working tasks", error)) }.boxed()
    }
}

/// What every task gets.
#[derive(Clone)]
struct Task {
    handler: Handler,
    /// The last that finished, more than can be waiting for their acknowledgement.
    finished: Arc<Mutex<VecDeque<TaskId>>>,
    /// While one lives, tasks are running.
    running: Option<mpsc::Sender<Infallible>>,
}

/// Four times the default bound on tasks in hand.
const FINISHED: usize = 2048;

impl Task {
    async fn run(self, id: TaskId, text: String, again: bool) {
        self.handler.call(text, again).await;
        let mut finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        finished.truncate(FINISHED - 1);
        finished.push_front(id);
        drop(finished);
        // Only now, so that who waits for the last one finds it among the finished.
        drop(self.running);
    }

    /// As a list of SQL; ULIDs need no quoting beyond their quotes.
    fn finished(&self) -> String {
        let finished = self.finished.lock().unwrap_or_else(PoisonError::into_inner);
        finished.iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ")
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
/// from apalis's worker, whose end after a database error would cut off all requests under way, and
/// which polls all its tasks in one, on one core.
async fn run_task(text: Envelope, attempt: Attempt, id: TaskId, task: Data<Task>) {
    let run = Task::clone(&task).run(id, text.0, attempt.current() > 1);
    match tokio::spawn(run).await {
        Ok(()) => {}
        // The runtime is going down: to return would acknowledge what was cut off.
        Err(cancelled) if cancelled.is_cancelled() => std::future::pending().await,
        Err(panic) => tracing::error!(%panic, "a task panicked; its deliveries are left to the reconciler"),
    }
}

fn failed(what: &str, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Queue { message: format!("{what}: {error}"), source: Some(Box::new(error)) }
}
