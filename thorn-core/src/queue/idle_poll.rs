//! When an idle worker looks for tasks.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use apalis_core::backend::ext::poll_strategy::{PollSnapshot, PollStrategy};
use futures::{Stream, StreamExt as _, stream};
use tokio::{
    sync::Notify,
    time::{Interval, MissedTickBehavior},
};

/// Looks when it is told to, and every so often.
///
/// In place of apalis's own strategies, which say that it is time and then have nobody woken for the next
/// time. If a fetch comes back empty at that very moment, and a heartbeat fell due while it was under
/// way, nothing ever wakes apalis's worker again (apalis-core 1.0.0).
pub(super) struct Look {
    told: Pin<Box<dyn Stream<Item = ()> + Send + Sync>>,
    ticks: Interval,
}

impl Look {
    /// Within a Tokio runtime.
    pub(super) fn new(wake: Arc<Notify>, every: Duration) -> Self {
        let mut ticks = tokio::time::interval(every.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let told = stream::unfold(wake, |wake| async move {
            wake.notified().await;
            Some(((), wake))
        });
        Self { told: Box::pin(told), ticks }
    }
}

impl PollStrategy for Look {
    fn poll_drive(&mut self, cx: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let mut time = Poll::Pending;
        // Until both are pending: only then has each a waker for the next time.
        while self.told.poll_next_unpin(cx).is_ready() {
            time = Poll::Ready(Some(()));
            self.ticks.reset();
        }
        while self.ticks.poll_tick(cx).is_ready() {
            time = Poll::Ready(Some(()));
        }
        time
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        task::{Wake, Waker},
    };

    use apalis_core::backend::ext::poll_strategy::IntervalStrategy;

    use super::*;

    const EVERY: Duration = Duration::from_millis(20);

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether somebody is woken after a poll that said that it is time.
    async fn wakes_again(mut strategy: impl PollStrategy) -> bool {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let (mut cx, snapshot) = (Context::from_waker(&waker), PollSnapshot::new());
        let _ = strategy.poll_drive(&mut cx, &snapshot);
        // Real time, for apalis has a timer of its own: it is up when it wakes.
        while woken.0.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(EVERY / 4).await;
        }
        assert!(strategy.poll_drive(&mut cx, &snapshot).is_ready());
        let before = woken.0.load(Ordering::Relaxed);
        tokio::time::sleep(EVERY * 10).await;
        woken.0.load(Ordering::Relaxed) > before
    }

    #[tokio::test]
    async fn each_time_has_a_waker_for_the_next_which_apalis_s_own_have_not() {
        assert!(wakes_again(Look::new(Arc::default(), EVERY)).await);
        assert!(!wakes_again(IntervalStrategy::new(EVERY)).await, "apalis has learnt it: use its own again");
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_told_looks_at_once() {
        let wake = Arc::new(Notify::new());
        let mut look = Look::new(wake.clone(), Duration::from_secs(3600));
        let (mut cx, snapshot) = (Context::from_waker(Waker::noop()), PollSnapshot::new());
        assert!(look.poll_drive(&mut cx, &snapshot).is_ready(), "at the start");
        assert!(look.poll_drive(&mut cx, &snapshot).is_pending());
        wake.notify_one();
        assert!(look.poll_drive(&mut cx, &snapshot).is_ready());
        assert!(look.poll_drive(&mut cx, &snapshot).is_pending());
    }
}
