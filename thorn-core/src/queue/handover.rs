//! Chunks on their way from a relay to a worker of the same process, which needn't read their tasks, nor their bodies from
//! the events' rows.

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::fanout::Chunk;

/// All kept chunks have at most this many bytes.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The most chunks that are kept.
const MAX_CHUNKS: usize = 1_024;

/// Once there is no more room, chunks that are older than this are dropped. Workers of other processes took their tasks.
const KEPT: Duration = Duration::from_secs(30);

/// Keeps the chunks of this process's relay, each by its task's authentication code.
///
/// A chunk that isn't here is read from its task. So a chunk may be dropped at any time.
#[derive(Debug, Default)]
pub(super) struct Handover {
    /// Whether this process runs tasks.
    is_open: AtomicBool,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    chunks: HashMap<Box<str>, KeptChunk>,
    /// The bytes of them all.
    bytes: usize,
}

#[derive(Debug)]
struct KeptChunk {
    chunk: Chunk,
    bytes: usize,
    since: Instant,
}

impl Handover {
    /// Begins to keep chunks, because this process runs tasks.
    pub(super) fn open(&self) {
        self.is_open.store(true, Ordering::Relaxed);
    }

    /// Keeps the chunk of the task with this code, if there is room for so many bytes.
    pub(super) fn keep(&self, code: &str, bytes: usize, chunk: Chunk) {
        if !self.is_open.load(Ordering::Relaxed) {
            return;
        }
        let mut kept = self.lock();
        if !kept.has_room(bytes) {
            kept.drop_old();
            if !kept.has_room(bytes) {
                return;
            }
        }
        let replaced = kept.chunks.insert(code.into(), KeptChunk { chunk, bytes, since: Instant::now() });
        kept.bytes += bytes;
        kept.bytes -= replaced.map_or(0, |replaced| replaced.bytes);
    }

    /// Takes out the chunk of the task with this code.
    pub(super) fn take(&self, code: &str) -> Option<Chunk> {
        let mut kept = self.lock();
        let taken = kept.chunks.remove(code)?;
        kept.bytes -= taken.bytes;
        Some(taken.chunk)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn has_room(&self, bytes: usize) -> bool {
        self.chunks.len() < MAX_CHUNKS && self.bytes + bytes <= MAX_BYTES
    }

    fn drop_old(&mut self) {
        self.chunks.retain(|_, chunk| chunk.since.elapsed() < KEPT);
        self.bytes = self.chunks.values().map(|chunk| chunk.bytes).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunk(check: bool) -> Chunk {
        Chunk { check, ..Chunk::read(r#"{"v":1,"events":[],"deliveries":[]}"#).unwrap() }
    }

    /// How many chunks are kept, and their bytes.
    fn kept(handover: &Handover) -> (usize, usize) {
        let kept = handover.lock();
        (kept.chunks.len(), kept.bytes)
    }

    #[test]
    fn a_chunk_is_handed_over_once_and_only_by_its_code() {
        let handover = Handover::default();
        handover.keep("a", 10, chunk(false));
        assert!(handover.take("a").is_none(), "nobody here runs tasks");
        handover.open();
        handover.keep("a", 10, chunk(true));
        assert!(handover.take("b").is_none());
        assert!(handover.take("a").unwrap().check);
        assert!(handover.take("a").is_none());
        assert_eq!(kept(&handover), (0, 0));
    }

    #[test]
    fn it_has_a_bound_and_makes_room_again() {
        let handover = Handover::default();
        handover.open();
        handover.keep("a", MAX_BYTES, chunk(false));
        handover.keep("b", 1, chunk(false));
        assert!(handover.take("b").is_none(), "there was no room for it");
        handover.keep("a", MAX_BYTES, chunk(true));
        assert!(handover.take("a").is_some());
        for number in 0..=MAX_CHUNKS {
            handover.keep(&number.to_string(), 1, chunk(false));
        }
        assert_eq!(kept(&handover), (MAX_CHUNKS, MAX_CHUNKS));
        let long_ago = Instant::now().checked_sub(KEPT).unwrap();
        handover.lock().chunks.values_mut().for_each(|chunk| chunk.since = long_ago);
        handover.keep("b", 1, chunk(false));
        assert_eq!(kept(&handover), (1, 1));
    }
}
