//! apalis on Redis. What has to be seen and done as one are scripts, which name the keys as apalis
//! does.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::Duration,
};

use apalis::prelude::{BackendExt as _, WorkerBuilder};
use apalis_redis::{Config, ConnectionManager, RedisStorage};
use futures::{FutureExt as _, future::BoxFuture};
use redis::Script;
use sea_orm::DatabaseTransaction;
use tokio::sync::Notify;
use ulid::Ulid;

use super::{
    Backend, Handler, QueueOptions, Task, TaskAttempt, failed,
    idle_poll::Look,
    supervise::{HEARTBEATS, silence},
    task::{Envelope, MAX_ATTEMPTS, Tasks, made_at, run_task},
};
use crate::{error::Error, timestamp::Timestamp};

static PUSH: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/push.lua")));
static UNFINISHED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/unfinished.lua")));
static SWEEP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/sweep.lua")));
static HAND_BACK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("redis/hand_back.lua")));

/// How long a new connection is waited for, in place of one that doesn't answer.
const CONNECTING: Duration = Duration::from_secs(2);

/// Tasks of one push.
const TASKS_PER_PUSH: usize = 200;

/// How long Redis keeps what apalis notes of a worker, after the last sweep that found it alive.
const WORKER_KEPT_SECONDS: u32 = 24 * 60 * 60;

/// The queue in the keys that begin with its name.
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
        // Redis's client takes the process's default and panics if there are two to choose from.
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
            .heartbeat_interval(silence(options.takeover) / HEARTBEATS)
            .missed_heartbeats(HEARTBEATS as usize);
        let connection = Mutex::new(connection);
        let queue = Self { url: url.to_owned(), connection, config, options, wake: Arc::default() };
        queue.depth().await?;
        Ok(queue)
    }

    /// What apalis makes of it with a worker's name.
    fn workers_metadata(&self) -> String {
        format!("{}:workers:metadata", self.options.name)
    }

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

    /// Redis's client replaces a connection that ended, but keeps one that never answers again.
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
        Ok(self.unfinished().await?.1.as_deref().and_then(made_at))
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

    /// Each task is taken for one that was begun before: apalis doesn't count takeovers here, and a
    /// Redis that comes back from a snapshot gives finished tasks again.
    fn worker(&self, name: &str, mut tasks: Tasks) -> BoxFuture<'static, Result<(), Error>> {
        let handler = tasks.handler;
        tasks.handler = Handler::new(move |task| handler.call(Task { attempt: TaskAttempt::Again, ..task }));
        let look = Look::new(self.wake.clone(), self.options.poll);
        let backend =
            RedisStorage::<Envelope>::new(self.connection()).with_config(self.config.clone()).poll_with_strategy(look);
        let worker = WorkerBuilder::new(name).backend(backend).data(tasks).build(run_task).run();
        async move { worker.await.map_err(|error| failed("working tasks", error)) }.boxed()
    }

    async fn beat(&self, names: &[String]) -> Result<(), Error> {
        let now = Timestamp::now().as_millis() / 1000;
        let mut beat = redis::cmd("ZADD");
        beat.arg(self.config.workers_set()).arg("XX");
        for name in names {
            beat.arg(now).arg(name);
        }
        let sent = beat.query_async::<()>(&mut self.connection()).await;
        sent.map_err(|error| failed("a sign of life", error))
    }

    async fn discard_unreadable(&self) -> Result<usize, Error> {
        let looking = |error| failed("looking for tasks that can't be read", error);
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
        // Ids without a text, and what else there is of them.
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
