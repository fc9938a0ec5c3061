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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::queue::TaskAttempt;

    const CHUNK: &str =
        r#"{"v":1,"events":[{"id":"018f0000-0000-7000-8000-000000000000","name":"a.b"}],"deliveries":[]}"#;

    /// The ids and names of the events in the chunks that are run.
    type Run = Arc<Mutex<Vec<(String, String)>>>;

    fn reader(key: &TaskKey, handover: &Arc<Handover>) -> (Handler<Received>, Run) {
        let run = Run::default();
        let seen = run.clone();
        let handler = Handler::new(move |task: Task| {
            let events = task.chunk.events.iter();
            seen.lock().unwrap().extend(events.map(|event| (event.id.to_string(), event.name.clone())));
            Box::pin(std::future::ready(()))
        });
        (reading(key.clone(), handover.clone(), handler), run)
    }

    async fn receive(handler: &Handler<Received>, text: &str) {
        handler.call(Received { text: text.to_owned(), attempt: TaskAttempt::First }).await;
    }

    #[tokio::test]
    async fn a_task_that_was_changed_is_refused_and_its_relay_s_process_runs_what_it_packed() {
        let (key, handover) = (TaskKey::generate().unwrap(), Arc::<Handover>::default());
        handover.open();
        let (handler, run) = reader(&key, &handover);
        let sealed = key.seal(CHUNK.to_owned());
        let honest = [("018f0000-0000-7000-8000-000000000000".to_owned(), "a.b".to_owned())];
        receive(&handler, &sealed).await;
        assert_eq!(*run.lock().unwrap(), honest, "of another process");
        for (text, other) in [
            ("018f", "018e"),
            (r#""name":"a.b""#, r#""name":"a.forged""#),
            (r#","events""#, r#","check":true,"events""#),
        ] {
            let forged = sealed.replace(text, other);
            assert_ne!(forged, sealed);
            run.lock().unwrap().clear();
            receive(&handler, &forged).await;
            assert_eq!(*run.lock().unwrap(), [], "{text}");
            handover.keep(TaskKey::code(&sealed).unwrap(), sealed.len(), Chunk::read(CHUNK).unwrap());
            receive(&handler, &forged).await;
            assert_eq!(*run.lock().unwrap(), honest, "{text}");
            receive(&handler, &forged).await;
            assert_eq!(*run.lock().unwrap(), honest, "{text}: nothing more");
        }
    }
}
