//! apalis on Redis. Anything that must be atomic is a Lua script. The scripts use apalis's keys.
//!
//! # Works around
//!
//! - apalis-redis 1.0.0 pushes tasks that run now into the set of scheduled tasks, because their `run_at` is
//!   now, and its `fetch_next.lua` fails with more than about 8,000 of them (`too many results to unpack`).
//!   `push.lua` adds them to the active list. Use apalis's sink once it does the same.
//! - It keeps finished tasks for ever ([apalis-redis#10](https://github.com/apalis-dev/apalis-redis/issues/10)),
//!   and its `vacuum.lua` deletes failed tasks that are still to be retried. `sweep.lua` deletes finished ones.
//!   Use `vacuum` once the issue is closed.
//! - It doesn't count the attempts of tasks that another worker takes over (`reenqueue_orphaned.lua`), so
//!   [`RedisQueue::worker`] takes each task for one that was begun before. Pass the attempt on once takeovers
//!   count. A Redis restored from a snapshot, which returns finished tasks, would still need this.
//! - A connection that never answers stays in use: the client (redis 1.8) replaces only connections that ended,
//!   and one answer that takes longer than 500 ms ends apalis's worker
//!   ([apalis-redis#76](https://github.com/apalis-dev/apalis-redis/issues/76)). [`RedisQueue::connect_anew`]
//!   replaces the connection. Delete it once the client does.
//! - It has no call that counts a queue's unfinished tasks together with those in hand (`unfinished.lua`), none
//!   that hands tasks back (`hand_back.lua`), and it keeps the metadata of dead workers.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use apalis::prelude::{BackendExt as _, WorkerBuilder};
use apalis_redis::{Config, ConnectionManager, RedisStorage};
use futures::future::BoxFuture;
use redis::Script;
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;
use ulid::Ulid;

use super::{
    Backend, Handler, QueueOptions, Received, TaskAttempt, failed,
    idle_poll::IdlePoll,
    supervise::{HEARTBEATS, boxed, heartbeat_interval},
    task::{Envelope, MAX_ATTEMPTS, Tasks, enqueued_at, run_task},
};
use crate::{error::Error, timestamp::Timestamp};

static PUSH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/push.lua")));
static UNFINISHED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/unfinished.lua")));
static SWEEP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/sweep.lua")));
static HAND_BACK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/hand_back.lua")));

/// The longest wait for a new connection in place of one that doesn't answer.
const CONNECTING: Duration = Duration::from_secs(2);

/// The most tasks of one push.
const TASKS_PER_PUSH: usize = 200;

/// How long Redis keeps a worker's metadata after the last sweep that found the worker alive.
const WORKER_KEPT_SECONDS: u32 = 24 * 60 * 60;

/// The queue in Redis, in keys that begin with its name.
pub(super) struct RedisQueue {
    url: String,
    connection: Mutex<ConnectionManager>,
    config: Config,
    options: QueueOptions,
    wake: Arc<Notify>,
}

impl fmt::Debug for RedisQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisQueue").field("options", &self.options).finish_non_exhaustive()
    }
}

impl RedisQueue {
    pub(super) async fn open(url: &str, shown: &str, options: QueueOptions) -> Result<Self, Error> {
        // Redis's client uses the process's default provider, and panics if there are two and no default.
        if url.starts_with("rediss:") {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let connecting = format!("connecting to {shown}");
        let connection = apalis_redis::connect(url).await.map_err(|error| failed(&connecting, error))?;
        let config = Config::default()
            .queue(&options.name)
            .batch_size(options.batch)
            .lock_tasks(false)
            .emit_events(false)
            .heartbeat_interval(heartbeat_interval(options.takeover))
            .missed_heartbeats(HEARTBEATS as usize);
        let connection = Mutex::new(connection);
        let queue = Self { url: url.to_owned(), connection, config, options, wake: Arc::default() };
        queue.depth().await?;
        Ok(queue)
    }

    /// The prefix of the keys in which apalis keeps workers' metadata.
    fn workers_metadata(&self) -> String {
        format!("{}:workers:metadata", self.options.name)
    }

    /// The number of unfinished tasks and the id of the oldest.
    async fn unfinished(&self) -> Result<(u64, Option<String>), Error> {
        let mut call = UNFINISHED.prepare_invoke();
        call.key(self.config.active_jobs_list()).key(self.config.scheduled_jobs_set()).key(self.config.workers_set());
        call.arg(self.config.inflight_jobs_set());
        let counted = call.invoke_async(&mut self.connection()).await;
        if counted.as_ref().is_err_and(redis::RedisError::is_timeout) {
            self.connect_anew().await;
        }
        counted.map_err(|error| failed("counting tasks", error))
    }

    fn connection(&self) -> ConnectionManager {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces a connection that doesn't answer.
    async fn connect_anew(&self) {
        if let Ok(Ok(connection)) = tokio::time::timeout(CONNECTING, apalis_redis::connect(self.url.as_str())).await {
            tracing::warn!("Redis didn't answer; connected anew");
            *self.connection.lock().unwrap_or_else(PoisonError::into_inner) = connection;
        }
    }
}

#[async_trait::async_trait]
impl Backend for RedisQueue {
    async fn enqueue(&self, _: &DatabaseTransaction, tasks: Vec<String>) -> Result<Vec<String>, Error> {
        Ok(tasks)
    }

    async fn push(&self, tasks: Vec<String>) -> Result<(), Error> {
        for batch in tasks.chunks(TASKS_PER_PUSH) {
            let mut call = PUSH.prepare_invoke();
            call.key(self.config.job_data_hash()).key(self.config.active_jobs_list());
            call.arg(self.config.job_meta_hash()).arg(MAX_ATTEMPTS);
            for text in batch {
                call.arg(Ulid::generate().to_string()).arg(text);
            }
            let pushed = call.invoke_async::<()>(&mut self.connection()).await;
            pushed.map_err(|error| failed("pushing tasks", error))?;
        }
        Ok(())
    }

    fn wake(&self) {
        self.wake.notify_one();
    }

    async fn depth(&self) -> Result<u64, Error> {
        Ok(self.unfinished().await?.0)
    }

    async fn oldest(&self) -> Result<Option<Timestamp>, Error> {
        Ok(self.unfinished().await?.1.as_deref().and_then(enqueued_at))
    }

    async fn sweep(&self) -> Result<(), Error> {
        let config = &self.config;
        let mut call = SWEEP.prepare_invoke();
        call.key(config.active_jobs_list()).key(config.scheduled_jobs_set()).key(config.workers_set());
        call.key(config.job_data_hash()).key(config.done_jobs_set()).key(config.dead_jobs_set());
        call.arg(config.inflight_jobs_set()).arg(config.job_meta_hash());
        call.arg(self.workers_metadata()).arg(WORKER_KEPT_SECONDS);
        let swept = call.invoke_async::<()>(&mut self.connection()).await;
        swept.map_err(|error| failed("deleting finished tasks", error))
    }

    fn worker(&self, name: &str, mut tasks: Tasks) -> BoxFuture<'static, Result<(), Error>> {
        let handler = tasks.handler;
        // apalis doesn't count takeovers here, so each task may have been begun before.
        tasks.handler = Handler::new(move |task| handler.call(Received { attempt: TaskAttempt::Again, ..task }));
        let idle_poll = IdlePoll::new(self.wake.clone(), self.options.poll);
        let backend = RedisStorage::<Envelope>::new(self.connection())
            .with_config(self.config.clone())
            .poll_with_strategy(idle_poll);
        boxed(WorkerBuilder::new(name).backend(backend).data(tasks).build(run_task).run())
    }

    async fn beat(&self, names: &[String]) -> Result<(), Error> {
        let now = Timestamp::now().as_millis() / 1000;
        let mut beat = redis::cmd("ZADD");
        beat.arg(self.config.workers_set()).arg("XX");
        for name in names {
            beat.arg(now).arg(name);
        }
        let sent = beat.query_async::<()>(&mut self.connection()).await;
        sent.map_err(|error| failed("sending a heartbeat", error))
    }

    async fn discard_unreadable(&self) -> Result<usize, Error> {
        let looking = |error| failed("looking for unreadable tasks", error);
        let mut connection = self.connection();
        let texts = redis::cmd("HGETALL").arg(self.config.job_data_hash()).query_async(&mut connection).await;
        let texts: HashMap<Vec<u8>, Vec<u8>> = texts.map_err(looking)?;
        let readable = |id: &[u8], text| std::str::from_utf8(id).is_ok_and(|id| Envelope::is_readable(id, text));
        let unreadable: Vec<_> = texts.iter().filter(|(id, text)| !readable(id, text)).map(|(id, _)| id).collect();
        if unreadable.is_empty() {
            return Ok(0);
        }
        let mut delete = redis::cmd("HDEL");
        delete.arg(self.config.job_data_hash()).arg(&unreadable);
        delete.query_async::<u64>(&mut connection).await.map_err(looking)?;
        // The sweep deletes ids without a text, and their metadata.
        self.sweep().await?;
        Ok(unreadable.len())
    }

    async fn hand_back(&self, names: &[String], tasks: &Tasks) -> Result<(), Error> {
        let config = &self.config;
        let mut call = HAND_BACK.prepare_invoke();
        call.key(config.active_jobs_list()).key(config.workers_set()).key(config.done_jobs_set());
        call.arg(config.inflight_jobs_set()).arg(self.workers_metadata()).arg(names.len());
        call.arg(names).arg(tasks.finished());
        let handed = call.invoke_async::<()>(&mut self.connection()).await;
        handed.map_err(|error| failed("handing tasks back", error))
    }
}
