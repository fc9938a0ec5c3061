//! Threads of their own for requests to receivers that aren't trusted.
//!
//! A receiver may keep the thread that reads from it busy for a while before the [`Watch`](super::watch::Watch) ends the
//! exchange. Here that thread is none of the process's runtime. The operating system shares the cores among threads, so
//! everything else goes on. All requests of a tenant share one thread, and few other tenants are on it.

use std::{sync::OnceLock, thread};

use tokio::{
    runtime::{Builder, Handle},
    task::JoinSet,
};

use crate::tenant::Tenant;

const THREADS: usize = 8;

/// Each begins with its first request. `None` if the system has no thread for it.
static RUNTIMES: [OnceLock<Option<Handle>>; THREADS] = [const { OnceLock::new() }; THREADS];

/// Does `work` on the tenant's thread. Dropping the call ends the work as soon as the thread has time for that.
pub(super) async fn apart<T: Send + 'static>(tenant: Tenant, work: impl Future<Output = T> + Send + 'static) -> T {
    let Some(runtime) = runtime(tenant) else { return work.await };
    let mut task = JoinSet::new();
    task.spawn_on(work, &runtime);
    match task.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(error)) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => unreachable!("nobody aborts the task or ends its runtime: {error}"),
        },
        None => unreachable!("the set has a task"),
    }
}

fn runtime(tenant: Tenant) -> Option<Handle> {
    let number = tenant.number_below(THREADS);
    RUNTIMES[number].get_or_init(|| start(number)).clone()
}

fn start(number: usize) -> Option<Handle> {
    let started = Builder::new_current_thread().enable_all().build().and_then(|runtime| {
        let handle = runtime.handle().clone();
        let name = format!("thorn-apart-{number}");
        thread::Builder::new().name(name).spawn(move || runtime.block_on(std::future::pending::<()>()))?;
        Ok(handle)
    });
    started
        .inspect_err(|error| {
            tracing::error!(%error, "can't start a thread for receivers that aren't trusted; their requests run among all others");
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_of_a_tenant_is_done_on_the_tenant_s_thread() {
        let name = || thread::current().name().map(str::to_owned);
        let alice = Tenant::of(Some("alice"));
        let first = apart(alice, async move { name() }).await.unwrap();
        assert!(first.starts_with("thorn-apart-"), "{first}");
        assert_eq!(apart(alice, async move { name() }).await.unwrap(), first);
        let of_many = (0..100).map(|n| apart(Tenant::of(Some(&n.to_string())), async move { name() }));
        let of_many: std::collections::HashSet<_> = futures::future::join_all(of_many).await.into_iter().collect();
        assert_eq!(of_many.len(), THREADS);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_ends() {
        let (held, mut ended) = tokio::sync::mpsc::channel::<()>(1);
        let work = apart(Tenant::default(), async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        assert!(tokio::time::timeout(std::time::Duration::from_millis(50), work).await.is_err());
        assert_eq!(ended.recv().await, None);
    }
}
