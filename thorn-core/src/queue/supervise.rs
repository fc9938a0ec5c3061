//! Working a queue, whichever it is: restarts, and the way to stop.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;
use ulid::Ulid;

use super::{Backend, Handler, task::Tasks};
use crate::{db::DB_TIMEOUT, error::Error};

/// Heartbeats within the time after which a silent worker loses its tasks.
pub(super) const HEARTBEATS: u32 = 5;

/// How long an unexpected end of apalis's worker is waited out before it is started anew.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// How long a worker is silent before it loses its tasks. apalis compares whole seconds: of a
/// difference of two only one has passed for certain.
pub(super) fn silence(takeover: Duration) -> Duration {
    Duration::from_secs(takeover.as_secs() + 1 + u64::from(takeover.subsec_nanos() > 0))
}

/// apalis's own way to stop deadlocks on SQLite: it no longer polls a fetch or heartbeat that it
/// began, whose transaction keeps the write lock, and waits for tasks that need it to be recorded.
/// So its worker is dropped, and the tasks are waited for and handed back here.
pub(super) async fn work(
    backend: &Arc<dyn Backend>,
    takeover: Duration,
    handler: Handler,
    mut interrupted: watch::Receiver<()>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    let (mut tasks, mut ended) = Tasks::new(handler);
    let mut names = Vec::new();
    while !*stop.borrow() {
        // A worker that comes back under its old name would never recover its own orphans.
        let name = format!("thorn-{}-{}", std::process::id(), Ulid::generate());
        let worker = backend.worker(&name, tasks.clone());
        names.push(name);
        let failed = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Ok(()) = interrupted.changed() => {
                tracing::warn!("the queue may be silent, starting its worker anew");
                false
            }
            // An error of the queue's ends apalis's worker; the tasks it had go on, and are taken over.
            ended = worker => {
                tracing::warn!(error = ?ended.err(), "the queue's worker stopped, starting it anew");
                true
            }
        };
        if failed {
            discard_unreadable(backend).await;
        }
        let _ = tokio::time::timeout(RESTART_PAUSE, stop.wait_for(|stop| *stop)).await;
    }
    tasks.close();
    while tokio::time::timeout(silence(takeover) / HEARTBEATS, ended.recv()).await.is_err() {
        if let Err(error) = backend.beat(&names).await {
            tracing::warn!(%error, "a heartbeat failed");
        }
    }
    // What was finished and not acknowledged must not run again; the rest shall, at once.
    backend.hand_back(&names, &tasks).await
}

/// One task that apalis can't read would end each worker that fetches it, and keep all that is fetched
/// along with it.
async fn discard_unreadable(backend: &Arc<dyn Backend>) {
    match tokio::time::timeout(DB_TIMEOUT, backend.discard_unreadable()).await {
        Ok(Ok(0)) | Err(_) => {}
        Ok(Ok(tasks)) => tracing::error!(tasks, "deleted tasks that nobody can read; they weren't made by thorn"),
        Ok(Err(error)) => tracing::debug!(%error, "can't look for unreadable tasks"),
    }
}
