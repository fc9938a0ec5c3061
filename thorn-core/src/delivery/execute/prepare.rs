//! Prepares the bodies of a chunk for sending.

use super::executor::{Executor, PAUSE};
use crate::{db::with_timeout, fanout::Chunk, outbox::raw_bodies};

impl Executor {
    /// Takes the bodies out of the chunk, and reads those of raw events with one query for the whole chunk. A chunk
    /// without raw events needs no query.
    pub(crate) async fn prepare(&self, chunk: &mut Chunk) {
        chunk.take_bodies_out();
        let raw = chunk.raw_events();
        if raw.is_empty() {
            return;
        }
        let mut bodies = loop {
            match with_timeout(&self.db, raw_bodies(&self.db, &raw)).await {
                Ok(bodies) => break bodies,
                Err(error) => tracing::warn!(%error, "can't read the bodies of raw events; trying again"),
            }
            tokio::time::sleep(PAUSE).await;
        };
        for event in &mut chunk.events {
            event.raw = bodies.remove(&event.id);
        }
    }
}
