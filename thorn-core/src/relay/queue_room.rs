//! How many tasks a relay may add to the queue in one turn.

use std::{ops::RangeInclusive, time::Duration};

use tokio::time::Instant;

use crate::{
    error::Error,
    queue::{HangingTasks, Queue},
};

/// How long the relay relies on the known length of a nearly empty queue.
const KNOWN_FOR: Duration = Duration::from_secs(1);

/// The most tasks of the first turn after a pause, and of any turn. Each turn takes twice as many as the
/// one before, so that the first tasks of a long backlog are enqueued before more are packed.
const TASKS_PER_TURN: RangeInclusive<usize> = 8..=64;

/// A full queue may become longer by this part of its length, for senders with few deliveries.
const KEPT_FREE: usize = 4;

/// The room of one turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// Tasks that the turn may add.
    pub(super) tasks: usize,
    /// Tasks that the turn may add to a full queue, for senders with few deliveries.
    pub(super) kept_free: usize,
    /// Whether the queue holds nearly as many tasks as it may.
    pub(super) is_nearly_full: bool,
}

impl Room {
    /// The most tasks that the turn may add.
    pub(super) const fn most(self) -> usize {
        if self.tasks > 0 { self.tasks } else { self.kept_free }
    }
}

/// The queue's length as far as a relay knows it, and what the next turn may add to it.
#[derive(Debug)]
pub(super) struct QueueRoom {
    longest: usize,
    /// The queue's length, with what this relay added since, and when the queue was asked.
    known: Option<(usize, Instant)>,
    per_turn: usize,
}

impl QueueRoom {
    pub(super) const fn new(longest: usize) -> Self {
        Self { longest, known: None, per_turn: *TASKS_PER_TURN.start() }
    }

    /// Returns the room of the next turn. Asks the queue unless it was nearly empty a moment ago.
    pub(super) async fn ask(&mut self, queue: &Queue, hanging: &HangingTasks) -> Result<Room, Error> {
        let depth = match self.known {
            Some((depth, at)) if depth < self.longest / 8 && at.elapsed() < KNOWN_FOR => depth,
            _ => {
                let depth = usize::try_from(queue.depth().await?).unwrap_or(usize::MAX);
                self.known = Some((depth, Instant::now()));
                depth
            }
        };
        Ok(self.room(depth.saturating_sub(hanging.count())))
    }

    fn room(&self, depth: usize) -> Room {
        let room = self.longest.saturating_sub(depth);
        let kept_free = (self.longest + self.longest / KEPT_FREE).saturating_sub(depth);
        Room {
            tasks: room.min(self.per_turn),
            kept_free: if room == 0 { kept_free.min(*TASKS_PER_TURN.start()) } else { 0 },
            is_nearly_full: room == 0 || room < self.longest / 16,
        }
    }

    /// Notes the tasks that a turn added, and whether it left something for the next one.
    pub(super) fn took(&mut self, tasks: usize, more: bool) {
        if let Some((depth, _)) = &mut self.known {
            *depth += tasks;
        }
        let (first, most) = (*TASKS_PER_TURN.start(), *TASKS_PER_TURN.end());
        self.per_turn = if more { (self.per_turn * 2).min(most) } else { first };
    }

    /// Forgets the queue's length, so that the next turn asks.
    pub(super) const fn forget(&mut self) {
        self.known = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backlog_begins_with_few_tasks_a_turn_and_a_pause_begins_anew() {
        let mut room = QueueRoom::new(256);
        for expected in [8, 16, 32, 64, 64] {
            assert_eq!(room.room(0), Room { tasks: expected, kept_free: 0, is_nearly_full: false });
            room.took(expected, true);
        }
        room.took(0, false);
        assert_eq!(room.room(0).tasks, 8);
    }

    #[test]
    fn a_nearly_full_queue_is_told_from_one_with_room() {
        let room = QueueRoom::new(256);
        assert_eq!(room.room(240), Room { tasks: 8, kept_free: 0, is_nearly_full: false });
        assert_eq!(room.room(241), Room { tasks: 8, kept_free: 0, is_nearly_full: true });
        assert_eq!(room.room(256), Room { tasks: 0, kept_free: 8, is_nearly_full: true });
        assert_eq!(room.room(317), Room { tasks: 0, kept_free: 3, is_nearly_full: true });
        assert_eq!(room.room(usize::MAX), Room { tasks: 0, kept_free: 0, is_nearly_full: true });
        let short = QueueRoom::new(1);
        assert_eq!(short.room(0), Room { tasks: 1, kept_free: 0, is_nearly_full: false });
        assert_eq!(short.room(1), Room { tasks: 0, kept_free: 0, is_nearly_full: true });
    }
}
