//! Prepares the bodies of a chunk for sending.

use super::executor::{Executor, database_pause};
use crate::{
    db::with_timeout,
    error::Error,
    fanout::Chunk,
    outbox::{bodies, raw_bodies},
};

impl Executor {
    /// Reads the bodies that the chunk lacks, with one query for those of raw events and one for all others. A chunk that
    /// this process has packed lacks only the former.
    pub(crate) async fn prepare(&self, chunk: &mut Chunk) {
        let (raw, others) = (chunk.raw_events(), chunk.without_bodies());
        if !raw.is_empty() {
            let mut found = self.insistently(|| raw_bodies(&self.db, &raw)).await;
            for event in &mut chunk.events {
                event.raw = found.remove(&event.id);
            }
        }
        if !others.is_empty() {
            chunk.encode(&self.insistently(|| bodies(&self.db, &others)).await);
        }
    }

    /// Reads until the database answers.
    async fn insistently<T, F: Future<Output = Result<T, Error>>>(&self, read: impl Fn() -> F) -> T {
        loop {
            match with_timeout(&self.db, read()).await {
                Ok(found) => return found,
                Err(error) => tracing::warn!(%error, "can't read the bodies of events; trying again"),
            }
            tokio::time::sleep(database_pause()).await;
        }
    }
}
