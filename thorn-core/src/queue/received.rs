//! Reads the chunks of received tasks, and refuses what no relay of this database has enqueued.

use std::sync::Arc;

use super::{Handler, Received, Task, handover::Handover};
use crate::{fanout::Chunk, signing::TaskKey};

/// A handler that runs only the tasks with a valid code. The others come from somebody who can write to the queue, from
/// an older release, or from another database. The reconciler enqueues deliveries again that the relay promised.
pub(super) fn reading(key: TaskKey, handover: Arc<Handover>, handler: Handler<Task>) -> Handler<Received> {
    Handler::new(move |Received { text, attempt }| match chunk(&key, &handover, text) {
        Ok(chunk) => handler.call(Task { chunk, attempt }),
        Err(why) => {
            tracing::error!("{why}; its deliveries are left to the reconciler");
            Box::pin(std::future::ready(()))
        }
    })
}

/// The chunk of a task. The relay of this process may have handed it over.
fn chunk(key: &TaskKey, handover: &Handover, text: String) -> Result<Chunk, String> {
    if let Some(chunk) = TaskKey::code(&text).and_then(|code| handover.take(code)) {
        return Ok(chunk);
    }
    let text = key.open(text).ok_or(
        "a task isn't authentic: a relay of another release or of another database wrote it, or somebody else",
    )?;
    Chunk::read(&text).map_err(|why| why.to_string())
}
