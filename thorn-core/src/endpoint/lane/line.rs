//! Deliveries that wait in memory for a place in a lane.

use std::sync::Arc;

use tokio::{sync::SemaphorePermit, time::Instant};

use super::{LINE, Lane, Place, Places, QUICK};
use crate::timestamp::Timestamp;

/// Deliveries that wait in memory for places in one lane, one after the other.
///
/// Only those who wait first look for a place. So the others, thousands at times, need neither a timer nor a look at each
/// place that is freed, and a task with many deliveries to one URL waits once for all of them.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    lane: &'a Arc<Lane>,
    places: Places,
    /// How many of its deliveries wait. The lane has counted them.
    waiting: u32,
    began: Instant,
    /// Held while these wait first. Those who may take reserved places don't wait for it.
    first: Option<SemaphorePermit<'a>>,
}

impl<'a> Line<'a> {
    /// A line of so many deliveries, which [`Lane::ask`] has counted.
    pub(in crate::endpoint) fn new(lane: &'a Arc<Lane>, places: Places, waiting: u32) -> Self {
        Self { lane, places, waiting, began: Instant::now(), first: None }
    }

    /// Waits for a place for the next delivery of the line. If it has waited in vain, returns the time at which the lane
    /// should have room. Then the delivery has left the line, too.
    pub(crate) async fn next(&mut self) -> Result<Place, Timestamp> {
        if self.places == Places::Common && self.first.is_none() {
            // The semaphore is never closed.
            self.first = self.lane.first.acquire().await.ok();
        }
        let freed = if self.places == Places::Reserved { &self.lane.reserved_freed } else { &self.lane.freed };
        loop {
            if let Some(entered) = self.entered() {
                return entered;
            }
            // `Notify` stores the notice of a place that was freed since then.
            let _ = tokio::time::timeout(QUICK, freed.notified()).await;
        }
    }

    /// The place of the next delivery, or when it should try again, unless it should wait further.
    fn entered(&mut self) -> Option<Result<Place, Timestamp>> {
        let mut state = self.lane.state();
        let entered = if let Some(is_reserved) = state.take_place(self.places) {
            Ok(Place { lane: self.lane.clone(), is_reserved })
        } else {
            if self.began.elapsed().min(state.progress.elapsed()) >= QUICK {
                // All requests in the lane hang. No other delivery should wait for them.
                state.slow_down(QUICK);
            }
            if !state.slow && self.began.elapsed() <= LINE * 2 {
                return None;
            }
            Err(state.book(Timestamp::now()))
        };
        state.line -= 1;
        self.waiting -= 1;
        if self.waiting == 0 {
            self.first = None;
        }
        // `Notify` stores at most one notice while no task waits. Wake the next task if there is more room.
        let has_room = state.in_flight < state.limit;
        drop(state);
        if has_room {
            self.lane.wake_next();
        }
        Some(entered)
    }
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.lane.state().line -= self.waiting;
    }
}
