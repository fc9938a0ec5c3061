//! Runs apalis's worker on any kind of queue: restarts it after an error, and stops it.
//!
//! # Works around
//!
//! - Stopping (apalis-core and apalis-sqlite 1.0.0): a worker that shuts down no longer polls a fetch or
//!   heartbeat under way. On SQLite its transaction keeps the write lock, so tasks that wait to record their
//!   attempts never finish, and the worker waits for them. [`run`] drops the worker instead, waits for the
//!   tasks, and hands them back. Use apalis's shutdown once the integration tests of `queue` pass with it.
//! - Restarting (apalis-core 1.0.0): any error of the database or of Redis ends the worker
//!   ([apalis-redis#76](https://github.com/apalis-dev/apalis-redis/issues/76)), and its `Monitor` drops the
//!   tasks in hand with it. Use `Monitor` once it keeps them.
//! - Names: a worker that comes back under its old name never recovers its own orphans
//!   ([apalis#504](https://github.com/apalis-dev/apalis/issues/504),
//!   [apalis#507](https://github.com/apalis-dev/apalis/pull/507)), so each start has a name of its own. Use
//!   fixed names once both issues are settled.
//! - Unreadable tasks: one task with broken JSON or an id that isn't a ULID ends each worker that fetches it.
//!   After an error, [`run`] deletes such tasks. Delete `discard_unreadable` once the integration tests
//!   `faults::poison` pass without it.
//! - Heartbeats: apalis-sqlite and apalis-redis 1.0.0 compare whole seconds, so [`silence`] rounds up. Pass
//!   the takeover time as it is once both store fractions of a second.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use tokio::sync::watch;
use ulid::Ulid;

use super::{Backend, Handler, Received, failed, task::Tasks};
use crate::{db::DB_TIMEOUT, error::Error};

/// Heartbeats in the time after which a silent worker loses its tasks.
pub(super) const HEARTBEATS: u32 = 5;

/// Pause before apalis's worker is restarted after an error.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// How long a worker may be silent before it loses its tasks. A difference of two whole seconds means that
/// only one has passed for certain.
pub(super) fn silence(takeover: Duration) -> Duration {
    Duration::from_secs(takeover.as_secs() + 1 + u64::from(takeover.subsec_nanos() > 0))
}

/// The interval between two heartbeats.
pub(super) fn heartbeat_interval(takeover: Duration) -> Duration {
    silence(takeover) / HEARTBEATS
}

/// Boxes the future of a running apalis worker.
pub(super) fn boxed<E: std::error::Error + Send + Sync + 'static>(
    running: impl Future<Output = Result<(), E>> + Send + 'static,
) -> BoxFuture<'static, Result<(), Error>> {
    async move { running.await.map_err(|error| failed("running tasks", error)) }.boxed()
}

/// Runs workers on the queue until `stop` turns true. Then waits for the tasks in hand, and hands back the
/// fetched ones that haven't begun.
pub(super) async fn run(
    backend: &Arc<dyn Backend>,
    takeover: Duration,
    handler: Handler<Received>,
    mut interrupted: watch::Receiver<()>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    let (mut tasks, mut ended) = Tasks::new(handler);
    let mut names = Vec::new();
    while !*stop.borrow() {
        let name = format!("thorn-{}-{}", std::process::id(), Ulid::generate());
        let worker = backend.worker(&name, tasks.clone());
        names.push(name);
        let failed = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Ok(()) = interrupted.changed() => {
                tracing::warn!("the queue may be unreachable, restarting its worker");
                false
            }
            // The tasks in hand go on. Other workers may take them over, too.
            ended = worker => {
                tracing::warn!(error = ?ended.err(), "the queue's worker stopped, restarting it");
                true
            }
        };
        if failed {
            mend(backend).await;
            discard_unreadable(backend).await;
        }
        let _ = tokio::time::timeout(RESTART_PAUSE, stop.wait_for(|stop| *stop)).await;
    }
    tasks.close();
    while tokio::time::timeout(heartbeat_interval(takeover), ended.recv()).await.is_err() {
        if let Err(error) = backend.beat(&names).await {
            tracing::warn!(%error, "a heartbeat failed");
        }
    }
    // Finished tasks must not run again. The others should run at once.
    backend.hand_back(&names, &tasks).await
}

async fn mend(backend: &Arc<dyn Backend>) {
    if let Ok(Err(error)) = tokio::time::timeout(DB_TIMEOUT, backend.mend()).await {
        tracing::debug!(%error, "can't look for damage to the queue");
    }
}

/// Deletes tasks that apalis can't read. One such task would end each worker that fetches it, and block the
/// tasks fetched with it.
async fn discard_unreadable(backend: &Arc<dyn Backend>) {
    match tokio::time::timeout(DB_TIMEOUT, backend.discard_unreadable()).await {
        Ok(Ok(0)) | Err(_) => {}
        Ok(Ok(tasks)) => tracing::error!(tasks, "deleted unreadable tasks, which thorn didn't make"),
        Ok(Err(error)) => tracing::debug!(%error, "can't look for unreadable tasks"),
    }
}
