//! An open stream, and the bounded queue between the tail and its reader.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::{frame::Frame, selection::Selection};

/// Frames that a queue holds at most.
const FRAMES: usize = 256;

/// Bytes that a queue holds at most, unless a single frame is larger.
const BYTES: usize = 1024 * 1024;

/// A stream that has caught up with the tail.
#[derive(Debug)]
pub(super) struct OpenStream {
    pub(super) id: u64,
    pub(super) selection: Arc<Selection>,
    queue: Mutex<Queue>,
    /// Wakes the reader.
    pub(super) changed: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Queued>,
    bytes: usize,
    has_overflowed: bool,
}

/// A frame in a queue.
#[derive(Clone, Debug)]
pub(super) struct Queued {
    pub(super) frame: Arc<Frame>,
    /// Whether the stream's filter was evaluated. If not, the reader does it.
    pub(super) is_decided: bool,
}

/// The result of taking from a queue.
#[derive(Debug)]
pub(super) enum Taken {
    Frame(Queued),
    Empty,
    /// The queue was full and is dropped. The reader has to read the log again.
    Overflowed,
}

impl OpenStream {
    pub(super) fn new(id: u64, selection: Arc<Selection>) -> Self {
        Self { id, selection, queue: Mutex::default(), changed: Notify::new() }
    }

    /// Adds a frame and wakes the reader. Returns `false` if the queue was full: it is dropped then, and takes nothing
    /// any more.
    pub(super) fn push(&self, queued: Queued) -> bool {
        let mut queue = self.queue();
        if queue.has_overflowed {
            return false;
        }
        let size = queued.frame.size();
        let is_full = queue.frames.len() >= FRAMES || !queue.frames.is_empty() && queue.bytes + size > BYTES;
        if is_full {
            *queue = Queue { has_overflowed: true, ..Queue::default() };
        } else {
            queue.bytes += size;
            queue.frames.push_back(queued);
        }
        drop(queue);
        self.changed.notify_one();
        !is_full
    }

    /// Drops the queue, so that the reader reads the log again.
    pub(super) fn overflow(&self) {
        *self.queue() = Queue { has_overflowed: true, ..Queue::default() };
        self.changed.notify_one();
    }

    /// Takes the oldest frame.
    pub(super) fn take(&self) -> Taken {
        let mut queue = self.queue();
        if queue.has_overflowed {
            return Taken::Overflowed;
        }
        let Some(queued) = queue.frames.pop_front() else { return Taken::Empty };
        queue.bytes -= queued.frame.size();
        if queue.frames.is_empty() {
            // An idle stream keeps no memory of a burst.
            queue.frames = VecDeque::new();
        }
        Taken::Frame(queued)
    }

    /// Whether everything that the tail handed over has been taken.
    pub(super) fn is_empty(&self) -> bool {
        let queue = self.queue();
        queue.frames.is_empty() && !queue.has_overflowed
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
