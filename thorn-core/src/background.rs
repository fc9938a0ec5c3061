//! Tasks that run in the background until their owner stops them. A task that panics is started again.

#[cfg(test)]
mod injected;

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

use futures::FutureExt as _;
use tokio::task::JoinHandle;

#[cfg(test)]
pub(crate) use injected::Injected;

/// The pause before a task that panicked is started again.
const RESTART_PAUSE: Duration = Duration::from_millis(500);

/// Spawns background tasks and starts them again after a panic.
#[derive(Clone, Debug, Default)]
pub(crate) struct Background {
    #[cfg(test)]
    pub(crate) injected: Injected,
}

impl Background {
    /// Spawns a task, which runs with a copy of `parts`. After a panic it runs again, until a run ends without one.
    ///
    /// It also runs again after the owner's stop signal, so it must look at the signal first.
    pub(crate) fn spawn<P, F>(
        &self,
        name: impl Into<String>,
        parts: P,
        mut run: impl FnMut(P) -> F + Send + 'static,
    ) -> JoinHandle<F::Output>
    where
        P: Clone + Send + Sync + 'static,
        F: Future<Output: Send + 'static> + Send,
    {
        let name = name.into();
        #[cfg(test)]
        let injected = self.injected.clone();
        tokio::spawn(async move {
            loop {
                let running = async { run(parts.clone()).await };
                #[cfg(test)]
                let running = injected.run(&name, running);
                match AssertUnwindSafe(running).catch_unwind().await {
                    Ok(output) => return output,
                    Err(panic) => report(&name, &*panic),
                }
                tokio::time::sleep(RESTART_PAUSE).await;
            }
        })
    }
}

/// Logs the panic. The logger may be what panicked, so its panic is caught, too.
fn report(task: &str, panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    let panic = text.unwrap_or("no text");
    let log = || tracing::error!(task, panic, "a background task panicked; starting it again");
    let _ = catch_unwind(AssertUnwindSafe(log));
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_panics_is_started_again_until_it_ends_by_itself() {
        let task = Background::default().spawn("counter", Arc::new(AtomicUsize::new(0)), |runs| {
            let run = runs.fetch_add(1, Ordering::Relaxed);
            assert_ne!(run, 0, "a panic before there is a future");
            async move {
                assert_ne!(run, 1, "a panic in the future");
                run
            }
        });
        assert_eq!(task.await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_logger_that_panics_ends_no_task() {
        struct Broken;
        impl tracing::Subscriber for Broken {
            fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
                true
            }
            fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
                tracing::span::Id::from_u64(1)
            }
            fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
            fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
            fn event(&self, event: &tracing::Event<'_>) {
                panic!("can't write {:?}", event.metadata().target());
            }
            fn enter(&self, _: &tracing::span::Id) {}
            fn exit(&self, _: &tracing::span::Id) {}
        }
        let _guard = tracing::subscriber::set_default(Broken);
        let mut runs = 0;
        let task = Background::default().spawn("logger", (), move |()| {
            runs += 1;
            async move {
                if runs < 3 {
                    tracing::info!("this panics");
                }
                runs
            }
        });
        assert_eq!(task.await.unwrap(), 3);
    }
}
