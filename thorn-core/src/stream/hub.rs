//! The place where the tail and the open streams meet.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use super::{
    audience::OpenStreams,
    frame::Frame,
    open_stream::{OpenStream, Queued},
    selection::{Data, Decision, Selection},
};
use crate::log::{Cursor, LoggedEvent};

/// How much [work](crate::filter::Q) the tail does for the filters of one owner's streams, for one event: about a
/// millisecond. The readers of the owner evaluate the other filters, so that the streams of others don't wait for these.
const WORK_PER_OWNER: usize = 1024 * 1024;

/// The same for the filters of all owners together.
const WORK_PER_EVENT: usize = 16 * WORK_PER_OWNER;

/// The open streams, and how far the tail has read.
pub(super) struct Hub {
    state: Mutex<State>,
    closed: watch::Sender<bool>,
}

struct State {
    /// The tail has handed over everything up to here.
    head: Cursor,
    /// How far the readers of some stream had read the log when they joined. The tail may be behind.
    seen: Cursor,
    streams: OpenStreams,
    next_id: u64,
}

/// A stream's place in the hub. It leaves when this is dropped.
pub(super) struct Joined {
    hub: Arc<Hub>,
    pub(super) stream: Arc<OpenStream>,
}

impl Hub {
    pub(super) fn new(head: Cursor) -> Self {
        let state = State { head, seen: head, streams: OpenStreams::default(), next_id: 0 };
        Self { state: Mutex::new(state), closed: watch::Sender::new(false) }
    }

    /// Adds a stream whose reader has read the log up to `at`. Its queue gets every wanted event after the returned cursor.
    pub(super) fn join(self: &Arc<Self>, selection: &Arc<Selection>, at: Cursor) -> (Joined, Cursor) {
        let mut state = self.state();
        if at.position > state.seen.position {
            state.seen = at;
        }
        let stream = Arc::new(OpenStream::new(state.next_id, selection.clone()));
        state.next_id += 1;
        state.streams.insert(&stream);
        (Joined { hub: self.clone(), stream }, state.head)
    }

    pub(super) fn head(&self) -> Cursor {
        self.state().head
    }

    /// How far the log was read, by the tail or by a reader that has joined.
    pub(super) fn seen(&self) -> Cursor {
        let state = self.state();
        if state.seen.position > state.head.position { state.seen } else { state.head }
    }

    /// Moves the head without reading the events, if no stream is open. Returns whether it did.
    pub(super) fn skip_to(&self, head: Cursor) -> bool {
        let mut state = self.state();
        let is_idle = state.streams.is_empty();
        if is_idle {
            state.head = head;
        }
        is_idle
    }

    /// Hands an event to every stream that wants it, and moves the head.
    pub(super) fn publish(&self, event: LoggedEvent) {
        let mut state = self.state();
        state.head = event.cursor;
        let streams = state.streams.wanting(&event);
        if streams.is_empty() {
            return;
        }
        let frame = Arc::new(Frame::new(event));
        let data = Data::of(&frame.event);
        let mut left = WORK_PER_EVENT;
        let mut left_of_owner: HashMap<Option<&str>, usize> = HashMap::new();
        for stream in &streams {
            let selection = &stream.selection;
            let of_owner = left_of_owner.entry(selection.owner.as_deref()).or_insert(WORK_PER_OWNER);
            let budget = left.min(*of_owner);
            let (decision, work) = selection.decide(&data, budget);
            left -= work;
            *of_owner -= work;
            if decision == Decision::Unwanted {
                continue;
            }
            let queued = Queued { frame: frame.clone(), is_decided: decision == Decision::Wanted };
            if !stream.push(queued) {
                // The reader joins again once it has caught up.
                state.streams.remove(stream);
            }
        }
    }

    /// Makes every stream look for its place again, because the log isn't the one that the tail has read.
    pub(super) fn reset(&self, head: Cursor) {
        let mut state = self.state();
        (state.head, state.seen) = (head, head);
        for stream in std::mem::take(&mut state.streams).all() {
            stream.overflow();
        }
    }

    pub(super) fn close(&self) {
        self.closed.send_replace(true);
    }

    pub(super) fn is_closed(&self) -> bool {
        *self.closed.borrow()
    }

    /// A receiver that turns true when the hub closes.
    pub(super) fn closing(&self) -> watch::Receiver<bool> {
        self.closed.subscribe()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Joined {
    /// How far the stream has looked, if it has taken everything that the tail handed over.
    pub(super) fn looked_at(&self) -> Option<Cursor> {
        // The tail adds to queues under the same lock.
        let state = self.hub.state();
        self.stream.is_empty().then_some(state.head)
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.hub.state().streams.remove(&self.stream);
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("head", &self.head()).field("closed", &self.is_closed()).finish_non_exhaustive()
    }
}
