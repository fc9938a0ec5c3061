//! Tasks whose requests hang.

use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::timeout;

/// After this time, a task's deliveries have been tried, put off, or hang.
const HANGS: Duration = Duration::from_secs(5);

/// Counts this worker's tasks whose requests hang. They don't take room from other tasks: each tenant has a bound on
/// the requests that hang, so they can't become very many. Clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct HangingTasks(Arc<AtomicUsize>);

impl HangingTasks {
    /// Does the work of a task, and counts the task while it hangs.
    pub(crate) async fn watch(&self, work: impl Future<Output = ()>) {
        let mut work = pin!(work);
        if timeout(HANGS, &mut work).await.is_err() {
            let _counted = Counted::begin(&self.0);
            work.await;
        }
    }

    /// How many tasks hang.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts a task until it is dropped.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn begin(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_is_counted_while_it_hangs() {
        let hanging = HangingTasks::default();
        hanging.watch(tokio::time::sleep(HANGS / 2)).await;
        assert_eq!(hanging.count(), 0);
        let mut task = pin!(hanging.watch(tokio::time::sleep(HANGS * 3)));
        assert!(timeout(HANGS * 2, &mut task).await.is_err());
        assert_eq!(hanging.count(), 1);
        task.await;
        assert_eq!(hanging.count(), 0);
    }
}
