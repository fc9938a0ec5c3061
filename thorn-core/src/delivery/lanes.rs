//! Lanes: every endpoint has its own bound of concurrent requests, so that one that is slow, hangs
//! or fails holds nothing that others need.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::{Attempt, Outcome};
use crate::Timestamp;

/// Requests at once to an endpoint nothing is known of.
const START: usize = 16;

/// Requests at once to an endpoint that answers quickly.
const MOST: usize = 64;

/// Requests at once to an endpoint that is slow or fails.
const LEAST: usize = 4;

/// An answer within this time is quick, and so long a delivery may wait in memory for its lane.
const QUICK: Duration = Duration::from_secs(1);

/// The longest a delivery is put off because its lane is full.
const LONGEST_DETOUR: Duration = Duration::from_secs(60);

/// Lanes nobody uses are forgotten beyond this number.
const REMEMBERED: usize = 10_000;

/// The lanes of one worker, by URL.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lanes(Arc<Mutex<HashMap<String, Arc<Lane>>>>);

#[derive(Debug)]
struct Lane {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug)]
struct State {
    in_flight: usize,
    limit: usize,
    slow: bool,
    /// Smoothed duration of an attempt.
    typical: Duration,
    /// When the last of the deliveries that were put off is to be tried.
    booked_until: Timestamp,
}

/// The right to make one request; given back by [`done`](Self::done) or on drop.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Lane>);

/// Whether a delivery may be tried now.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Go.
    Open(Permit),
    /// The lane is full: try again at this time.
    Full(Timestamp),
}

impl Lanes {
    /// Enters the lane of a URL. A quick endpoint is waited for a moment; a slow one is not.
    pub(crate) async fn enter(&self, url: &str) -> Entry {
        let lane = self.lane(url);
        let patience = tokio::time::sleep(QUICK);
        tokio::pin!(patience);
        loop {
            let place = lane.state().enter();
            match place {
                Some(true) => return Entry::Open(Permit(lane.clone())),
                Some(false) => return Entry::Full(lane.state().book(Timestamp::now())),
                None => {}
            }
            // A place freed since then has left its notice behind.
            tokio::select! {
                () = lane.freed.notified() => {}
                () = &mut patience => {
                    // All its requests hang: nobody else waits for it.
                    let mut state = lane.state();
                    state.slow_down(QUICK);
                    return Entry::Full(state.book(Timestamp::now()));
                }
            }
        }
    }

    /// Whether deliveries to this URL should travel apart from others'.
    pub(crate) fn is_slow(&self, url: &str) -> bool {
        self.all().get(url).is_some_and(|lane| lane.state().slow)
    }

    fn lane(&self, url: &str) -> Arc<Lane> {
        let mut lanes = self.all();
        if let Some(lane) = lanes.get(url) {
            return lane.clone();
        }
        if lanes.len() >= REMEMBERED {
            lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
        }
        let state = State {
            in_flight: 0,
            limit: START,
            slow: false,
            typical: Duration::ZERO,
            booked_until: Timestamp::from_millis(0),
        };
        let lane = Arc::new(Lane { state: Mutex::new(state), freed: Notify::new() });
        lanes.insert(url.to_owned(), lane.clone());
        lane
    }

    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Lane>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes a place; `Some(false)` if there is none and nobody should wait, `None` if one may be.
    const fn enter(&mut self) -> Option<bool> {
        if self.in_flight < self.limit {
            self.in_flight += 1;
            return Some(true);
        }
        if self.slow { Some(false) } else { None }
    }

    fn slow_down(&mut self, at_least: Duration) {
        self.slow = true;
        self.limit = (self.limit / 2).max(LEAST);
        self.typical = self.typical.max(at_least);
    }

    /// A time at which the lane should have room: one place after those given out before.
    fn book(&mut self, now: Timestamp) -> Timestamp {
        let step = self.typical / u32::try_from(self.limit).unwrap_or(1);
        let next = self.booked_until.max(now) + step.max(Duration::from_millis(10));
        self.booked_until = next.min(now + LONGEST_DETOUR);
        self.booked_until
    }
}

impl Permit {
    /// Tells the lane how the request went.
    pub(crate) fn done(self, attempt: &Attempt) {
        let mut state = self.0.state();
        let answered = matches!(attempt.outcome, Outcome::Delivered | Outcome::Rejected);
        state.typical = (state.typical * 7 + attempt.duration) / 8;
        if answered && attempt.duration < QUICK {
            state.slow = state.typical >= QUICK;
            if state.limit < MOST {
                state.limit += 1;
                self.0.freed.notify_one();
            }
        } else {
            state.slow_down(attempt.duration);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        drop(state);
        self.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(outcome: Outcome, duration: Duration) -> Attempt {
        Attempt {
            outcome,
            attempted_at: Timestamp::now(),
            duration,
            status: None,
            response: None,
            error: None,
            retry_after: None,
        }
    }

    async fn open(lanes: &Lanes, url: &str) -> Permit {
        match lanes.enter(url).await {
            Entry::Open(permit) => permit,
            Entry::Full(_) => panic!("full"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_endpoint_is_left_after_a_moment_and_others_go_on() {
        let lanes = Lanes::default();
        let mut held = Vec::new();
        for _ in 0..START {
            held.push(open(&lanes, "http://hangs").await);
        }
        assert!(matches!(lanes.enter("http://hangs").await, Entry::Full(_)));
        assert!(lanes.is_slow("http://hangs"));
        let others = open(&lanes, "http://fine").await;
        assert!(!lanes.is_slow("http://fine"));
        drop(others);
    }

    #[tokio::test(start_paused = true)]
    async fn a_quick_endpoint_is_waited_for_and_grows() {
        let lanes = Lanes::default();
        let mut held = Vec::new();
        for _ in 0..START {
            held.push(open(&lanes, "http://quick").await);
        }
        let waiting = tokio::spawn({
            let lanes = lanes.clone();
            async move { matches!(lanes.enter("http://quick").await, Entry::Open(_)) }
        });
        tokio::task::yield_now().await;
        held.pop().unwrap().done(&attempt(Outcome::Delivered, Duration::from_millis(3)));
        assert!(waiting.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn those_put_off_are_spread_and_a_recovered_endpoint_is_trusted_again() {
        let lanes = Lanes::default();
        let first = open(&lanes, "http://slow").await;
        first.done(&attempt(Outcome::TimedOut, Duration::from_secs(15)));
        assert!(lanes.is_slow("http://slow"));
        let lane = lanes.lane("http://slow");
        let now = Timestamp::now();
        let (one, two) = (lane.state().book(now), lane.state().book(now));
        assert!(one > now && two > one && two <= now + LONGEST_DETOUR);
        for _ in 0..40 {
            open(&lanes, "http://slow").await.done(&attempt(Outcome::Delivered, Duration::from_millis(5)));
        }
        assert!(!lanes.is_slow("http://slow"));
    }
}
