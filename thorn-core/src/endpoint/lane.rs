//! Lanes: limits of concurrent requests. An endpoint that is slow, hangs or fails holds nothing that others need.

mod line;
mod throughput;

pub(crate) use line::Line;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, Semaphore},
    time::Instant,
};

use self::throughput::Throughput;
use crate::{
    attempt::{Attempt, Outcome, Sign},
    timestamp::Timestamp,
};

/// How many requests a lane lets through at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// At first.
    pub(super) start: usize,
    /// While requests are answered quickly.
    pub(super) most: usize,
    /// While they are slow or fail.
    pub(super) least: usize,
}

/// A response within this time is quick. A lane in which no request ends within this time hangs.
const QUICK: Duration = Duration::from_secs(1);

/// A delivery waits in memory if its turn should come within this time. Otherwise it becomes a row.
const LINE: Duration = Duration::from_secs(2);

/// The relay adds due deliveries while a lane's line is shorter than this. That keeps a quick endpoint busy until
/// the relay looks again. The lane stops expecting a delivery after four times as long, because the delivery went
/// to another worker.
const AHEAD: Duration = Duration::from_millis(500);

/// After a hold, a lane lets no more through than at first for this time. A receiver that has just recovered may have a
/// long backlog to take.
const RECOVERS: Duration = Duration::from_secs(1);

/// The most deliveries that wait in memory for each request of a share in a limit.
const LINE_PER_SHARE: u32 = 4;

/// The maximum time that a delivery is put off because its lane is full.
const LONGEST_DETOUR: Duration = Duration::from_secs(60);

/// For tenants who have few requests under way, a lane that all share has further places: this part of what it has at first.
const RESERVED: usize = 8;

/// Which places of a lane a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Places {
    Common,
    /// Also those that are reserved for tenants who have few requests under way.
    Reserved,
}

/// A lane for the requests that share one limit.
#[derive(Debug)]
pub(super) struct Lane {
    state: Mutex<State>,
    /// Taken by those who wait first in the line.
    first: Semaphore,
    freed: Notify,
    /// Wakes one who may take a reserved place.
    reserved_freed: Notify,
}

#[derive(Debug)]
struct State {
    size: Size,
    in_flight: usize,
    /// Requests in reserved places, besides.
    reserved: usize,
    limit: usize,
    slow: bool,
    /// Whether the last request was answered quickly.
    quick: bool,
    /// When a hold ended. Since then the limit doubles with each success.
    recovering: Option<Instant>,
    /// The smoothed duration of an attempt.
    typical: Duration,
    throughput: Throughput,
    /// Deliveries that wait in memory.
    line: u32,
    /// Due deliveries that the relay has put on the queue since `expected_since` and that haven't arrived here.
    expected: usize,
    expected_since: Instant,
    /// Whether the lane has a share in a limit that holds over all workers. Then most that the relay announces goes to
    /// other workers, and few deliveries should wait here, because another worker may be free.
    is_share: bool,
    /// When the last request ended.
    progress: Instant,
    /// How long the deliveries that were put off will take, as of `booked_at`: when the last of them was put off.
    booked: Duration,
    booked_at: Timestamp,
}

/// A place in a lane for one request. Dropping the place frees it. [`done`](Self::done) also tells the lane how the
/// request went.
#[derive(Debug)]
pub(crate) struct Place {
    lane: Arc<Lane>,
    is_reserved: bool,
}

impl Lane {
    pub(super) fn new(size: Size) -> Self {
        let state = State {
            size,
            in_flight: 0,
            reserved: 0,
            limit: size.start,
            slow: false,
            quick: false,
            recovering: None,
            typical: Duration::ZERO,
            throughput: Throughput::new(Instant::now()),
            line: 0,
            expected: 0,
            expected_since: Instant::now(),
            is_share: false,
            progress: Instant::now(),
            booked: Duration::ZERO,
            booked_at: Timestamp::from_millis(0),
        };
        Self { state: Mutex::new(state), first: Semaphore::new(1), freed: Notify::new(), reserved_freed: Notify::new() }
    }

    /// Takes a place. If the lane is full, the call waits unless the lane is slow. If it has waited in vain, it returns
    /// the time at which the lane should have room.
    pub(super) async fn enter(self: &Arc<Self>, places: Places) -> Result<Place, Timestamp> {
        match self.ask(places)? {
            Some(place) => Ok(place),
            None => Line::new(self, places, 1).next().await,
        }
    }

    /// Takes a place, if there is one. `None` if the delivery is to wait in a [`Line`], in which it counts already. If it
    /// shouldn't wait, returns the time at which the lane should have room.
    pub(super) fn ask(self: &Arc<Self>, places: Places) -> Result<Option<Place>, Timestamp> {
        let mut state = self.state();
        state.expected = state.expected.saturating_sub(1);
        if let Some(is_reserved) = state.take_place(places) {
            return Ok(Some(Place { lane: self.clone(), is_reserved }));
        }
        if state.slow || state.is_line_long() {
            return Err(state.book(Timestamp::now()));
        }
        state.line += 1;
        Ok(None)
    }

    /// How many more deliveries the lane would take now. Expected deliveries count as taken.
    pub(super) fn room(&self) -> usize {
        self.state().room()
    }

    /// Counts due deliveries that the relay puts on the queue.
    pub(super) fn expect(&self, deliveries: usize) {
        self.state().expect(deliveries);
    }

    /// Whether requests are slow or fail.
    pub(super) fn is_slow(&self) -> bool {
        self.state().slow
    }

    /// Whether the last request was answered quickly.
    pub(super) fn is_quick(&self) -> bool {
        self.state().quick
    }

    /// Lets exactly so many requests through at once from now on. They are this process's share in a limit.
    pub(super) fn resize(&self, requests: usize) {
        let mut state = self.state();
        if state.size.most == requests {
            return;
        }
        state.size = Size { start: requests, most: requests, least: requests };
        state.limit = requests;
        state.is_share = true;
        drop(state);
        self.wake_next();
    }

    /// How many requests are under way.
    pub(super) fn in_flight(&self) -> usize {
        let state = self.state();
        state.in_flight + state.reserved
    }

    /// Begins again with one request at a time. For a while, no more are let through than at first.
    pub(super) fn recover(&self) {
        let mut state = self.state();
        (state.limit, state.recovering) = (1, Some(Instant::now()));
    }

    /// Wakes those who wait first, because a place is free.
    fn wake_next(&self) {
        self.reserved_freed.notify_one();
        self.freed.notify_one();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes a place, if there is one. Tells whether it is a reserved one.
    const fn take_place(&mut self, places: Places) -> Option<bool> {
        if self.in_flight < self.limit {
            self.in_flight += 1;
            return Some(false);
        }
        let may_take = matches!(places, Places::Reserved) && self.reserved < self.size.start / RESERVED;
        if !may_take {
            return None;
        }
        self.reserved += 1;
        Some(true)
    }

    /// The requests at once by which work is divided. A lane whose process has no share in a limit lets none through.
    fn places(&self) -> u32 {
        u32::try_from(self.limit).unwrap_or(u32::MAX).max(1)
    }

    /// How long the deliveries that already wait in memory will take: by the durations of the last requests, or by the
    /// number of those that ended lately. The durations look too long after a moment in which nothing was answered, and the
    /// number too small if the lane wasn't full.
    fn line_ahead(&self) -> Duration {
        (self.typical * self.line / self.places()).min(self.throughput.time_for(self.line))
    }

    /// Whether a further delivery shouldn't wait in memory.
    fn is_line_long(&self) -> bool {
        self.line_ahead() > LINE || self.is_share && self.line >= self.places() * LINE_PER_SHARE
    }

    fn room(&self) -> usize {
        let line = if self.slow || self.typical.is_zero() {
            0
        } else {
            usize::try_from(AHEAD.as_nanos() * self.limit as u128 / self.typical.as_nanos()).unwrap_or(usize::MAX)
        };
        let expected = if self.is_stale() { 0 } else { self.expected };
        (self.limit + line).saturating_sub(self.in_flight + self.line as usize + expected)
    }

    fn expect(&mut self, deliveries: usize) {
        if self.is_stale() {
            (self.expected, self.expected_since) = (0, Instant::now());
        }
        self.expected += deliveries;
    }

    fn is_stale(&self) -> bool {
        self.expected_since.elapsed() > if self.is_share { AHEAD } else { AHEAD * 4 }
    }

    fn slow_down(&mut self, at_least: Duration) {
        (self.slow, self.quick, self.recovering) = (true, false, None);
        self.limit = (self.limit / 2).max(self.size.least);
        self.typical = self.typical.max(at_least);
    }

    /// A time at which the lane should have room: after the deliveries that wait in memory, and one place after the
    /// deliveries that were put off before.
    fn book(&mut self, now: Timestamp) -> Timestamp {
        let least = if self.slow { Duration::from_millis(10) } else { Duration::from_micros(10) };
        let step = (self.typical / self.places()).max(least);
        self.booked = self.booked.saturating_sub(now.since(self.booked_at)) + step;
        self.booked_at = now;
        // The relay leaves due deliveries alone while the lane is full, and takes them as soon as it isn't.
        let longest = if self.is_share { AHEAD } else { LONGEST_DETOUR };
        now + (self.line_ahead() + self.booked).min(longest)
    }
}

impl Place {
    /// Tells the lane how the request went.
    pub(super) fn done(self, attempt: &Attempt) {
        let mut state = self.lane.state();
        let answered = matches!(attempt.outcome, Outcome::Delivered | Outcome::Rejected);
        // An endpoint that quickly answers that it fails isn't asked for more.
        let works = matches!(attempt.sign(), Sign::Works | Sign::RefusesEvent);
        state.typical = (state.typical * 7 + attempt.duration) / 8;
        if answered && attempt.duration < QUICK {
            state.slow = state.typical >= QUICK;
            state.quick = !state.slow;
            if !works {
                return;
            }
            if let Some(since) = state.recovering {
                state.limit = (state.limit * 2).min(state.size.start);
                if state.limit == state.size.start && since.elapsed() >= RECOVERS {
                    state.recovering = None;
                }
                self.lane.wake_next();
            } else if state.limit < state.size.most {
                state.limit += 1;
                self.lane.wake_next();
            }
        } else {
            state.slow_down(attempt.duration);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.lane.state();
        if self.is_reserved {
            state.reserved -= 1;
        } else {
            state.in_flight -= 1;
        }
        state.progress = Instant::now();
        let now = state.progress;
        state.throughput.ended(now);
        drop(state);
        self.lane.wake_next();
    }
}

#[cfg(test)]
mod tests;
