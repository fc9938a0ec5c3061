//! Group commit: records of all running chunks share transactions.

use std::time::Duration;

use sea_orm::DatabaseConnection;
use tokio::sync::{mpsc, oneshot};

use super::{Record, write};
use crate::Error;

/// Records of one transaction.
const GROUP: usize = 1000;

/// Records that may wait for the writer; more slow the deliveries down instead of filling memory.
const WAITING: usize = 4096;

/// Pauses between attempts to write while the database is away.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// Writes records in the background, as many with one commit as have come in.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<(Record, oneshot::Sender<()>)>,
}

impl Recorder {
    /// Starts the writer. It ends when the last handle is dropped and all is written.
    pub(crate) fn start(db: DatabaseConnection) -> (Self, tokio::task::JoinHandle<()>) {
        let (queue, records) = mpsc::channel(WAITING);
        (Self { queue }, tokio::spawn(run(db, records)))
    }

    /// Whether the writer is gone, with the runtime it ran on.
    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Returns once the record is committed, however long the database is away: a task must not be
    /// acknowledged before. `false` only if the writer is gone.
    pub(crate) async fn record(&self, record: Record) -> bool {
        let (done, committed) = oneshot::channel();
        self.queue.send((record, done)).await.is_ok() && committed.await.is_ok()
    }
}

async fn run(db: DatabaseConnection, mut records: mpsc::Receiver<(Record, oneshot::Sender<()>)>) {
    let mut group = Vec::with_capacity(GROUP);
    while records.recv_many(&mut group, GROUP).await > 0 {
        let (rows, waiting): (Vec<Record>, Vec<_>) = group.drain(..).unzip();
        let mut pauses = PAUSES.iter().chain(std::iter::repeat(&PAUSES[PAUSES.len() - 1]));
        while let Err(error) = commit(&db, &rows).await {
            tracing::warn!(%error, records = rows.len(), "writing delivery records failed, trying again");
            tokio::time::sleep(*pauses.next().unwrap_or(&PAUSES[0])).await;
        }
        for done in waiting {
            // Whoever no longer waits was aborted; the row stands either way.
            let _ = done.send(());
        }
    }
}

async fn commit(db: &DatabaseConnection, records: &[Record]) -> Result<(), Error> {
    let txn = crate::transaction::begin(db).await?;
    write(&txn, records).await?;
    txn.commit().await?;
    Ok(())
}
