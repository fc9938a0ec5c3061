//! When an idle worker looks for tasks.
//!
//! # Works around
//!
//! apalis-core 1.0.0: after one of its own strategies (`IntervalStrategy`, for one) has said that it is time
//! to fetch, no waker is registered for the next time. If that fetch comes back empty while a heartbeat is
//! due, nothing wakes apalis's worker again, and it is idle for ever. No upstream issue is known.
//!
//! Delete this file when the test below that polls `IntervalStrategy` fails, and use that strategy and
//! `StreamStrategy` instead.

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

/// Fetches tasks when it is woken, and at a fixed interval.
pub(super) struct IdlePoll {
    wake_ups: Pin<Box<dyn Stream<Item = ()> + Send + Sync>>,
    ticks: Interval,
}

impl IdlePoll {
    /// Must be called within a Tokio runtime.
    pub(super) fn new(wake: Arc<Notify>, every: Duration) -> Self {
        let mut ticks = tokio::time::interval(every.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let wake_ups = stream::unfold(wake, |wake| async move {
            wake.notified().await;
            Some(((), wake))
        });
        Self { wake_ups: Box::pin(wake_ups), ticks }
    }
}

impl PollStrategy for IdlePoll {
    fn poll_drive(&mut self, cx: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        let mut time = Poll::Pending;
        // Both sources are polled until they are pending. Only then has each a waker for the next time.
        while self.wake_ups.poll_next_unpin(cx).is_ready() {
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

    /// Whether the strategy wakes its task again after a poll that was ready.
    async fn wakes_again(mut strategy: impl PollStrategy) -> bool {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(woken.clone());
        let (mut cx, snapshot) = (Context::from_waker(&waker), PollSnapshot::new());
        let _ = strategy.poll_drive(&mut cx, &snapshot);
        // apalis has its own timer, so Tokio's clock can't be paused here.
        while woken.0.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(EVERY / 4).await;
        }
        assert!(strategy.poll_drive(&mut cx, &snapshot).is_ready());
        let before = woken.0.load(Ordering::Relaxed);
        tokio::time::sleep(EVERY * 10).await;
        woken.0.load(Ordering::Relaxed) > before
    }

    #[tokio::test]
    async fn a_ready_poll_leaves_a_waker_for_the_next_one_and_apalis_s_own_strategy_leaves_none() {
        assert!(wakes_again(IdlePoll::new(Arc::default(), EVERY)).await);
        assert!(!wakes_again(IntervalStrategy::new(EVERY)).await, "apalis is fixed: delete this file");
    }

    #[tokio::test(start_paused = true)]
    async fn a_wake_up_ends_the_pause_at_once() {
        let wake = Arc::new(Notify::new());
        let mut poll = IdlePoll::new(wake.clone(), Duration::from_secs(3600));
        let (mut cx, snapshot) = (Context::from_waker(Waker::noop()), PollSnapshot::new());
        assert!(poll.poll_drive(&mut cx, &snapshot).is_ready(), "at the start");
        assert!(poll.poll_drive(&mut cx, &snapshot).is_pending());
        wake.notify_one();
        assert!(poll.poll_drive(&mut cx, &snapshot).is_ready());
        assert!(poll.poll_drive(&mut cx, &snapshot).is_pending());
    }
}
