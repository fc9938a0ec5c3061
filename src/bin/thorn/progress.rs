//! A status line for a worker on a terminal.

use std::{io::Write as _, time::Duration};

use thorn::{
    Thorn,
    history::Status,
    worker::{Snapshot, Worker},
};

/// Updates a status line every second.
pub(crate) async fn show(thorn: &Thorn, worker: &Worker) {
    let mut before = Snapshot::default();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tick.tick().await;
        let now = worker.counters();
        let rate = now.delivered - before.delivered;
        before = now;
        let backlog = match thorn.status().await {
            Ok(Status { unrelayed, waiting, held, .. }) => {
                format!("{unrelayed} events waiting · {waiting} deliveries to retry · {held} held")
            }
            Err(_) => "the database doesn't answer".to_owned(),
        };
        let line = format!("{rate}/s · {} delivered · {} attempts failed · {backlog}", now.delivered, now.failed);
        // Keep delivering if the terminal is gone.
        let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
        let _ = std::io::stderr().flush();
    }
}
