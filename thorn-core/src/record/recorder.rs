//! Group commit: the records of all running chunks share transactions.

use std::{sync::Arc, time::Duration};

use sea_orm::DatabaseConnection;
use tokio::{
    sync::{Mutex, mpsc, oneshot},
    task::JoinHandle,
    time::Instant,
};

use super::{
    Record,
    delivered::{fit_one_statement, insert_new},
    refused::is_refused,
    write,
};
use crate::{
    background::Background,
    db::{plan_anew, transaction, with_timeout},
    error::Error,
    tally::Tally,
    timestamp::Timestamp,
};

/// The most records of one transaction.
const GROUP: usize = 1000;

/// The most records that wait for the writer. Beyond that, deliveries slow down instead of filling memory.
const WAITING: usize = 4096;

/// Pauses between attempts to write while the database is unreachable. The last one repeats.
const PAUSES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// Writes records in the background. Each commit takes all records that have arrived.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<(Record, oneshot::Sender<()>)>,
}

impl Recorder {
    /// Starts the writer. It ends when the last handle is dropped and every record is written.
    ///
    /// If it panics, the records that it was writing count as [refused](Self::record), and it goes on with the next.
    pub(crate) fn start(db: DatabaseConnection, background: &Background) -> (Self, JoinHandle<()>) {
        let (queue, records) = mpsc::channel(WAITING);
        let inbox = Arc::new(Mutex::new(Inbox { records, tally: Tally::default() }));
        let writer = background.spawn("recorder", (db, inbox), |(db, inbox)| async move {
            run(&db, &mut *inbox.lock().await).await;
        });
        (Self { queue }, writer)
    }

    /// Whether the writer has ended, which it does with its runtime.
    pub(crate) fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Waits until the record is committed, because its task must not be acknowledged before.
    ///
    /// It waits as long as the database is unreachable. Returns `false` if the writer has ended, the
    /// database refuses the record's content, or the writer panicked. Then the reconciler finds the delivery missing.
    pub(crate) async fn record(&self, record: Record) -> bool {
        let (done, committed) = oneshot::channel();
        self.queue.send((record, done)).await.is_ok() && committed.await.is_ok()
    }
}

/// The state of the writer. It survives a panic.
struct Inbox {
    records: mpsc::Receiver<(Record, oneshot::Sender<()>)>,
    tally: Tally,
}

/// The records of one commit, and the senders that report it.
#[derive(Default)]
struct Group {
    records: Vec<Record>,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Group {
    /// Splits the group into two halves.
    fn halves(mut self) -> [Self; 2] {
        let half = self.records.len() / 2;
        let rest = Self { records: self.records.split_off(half), waiting: self.waiting.split_off(half) };
        [self, rest]
    }

    fn committed(self) {
        for done in self.waiting {
            // A delivery that no longer waits was aborted. Its row is written either way.
            let _ = done.send(());
        }
    }
}

/// The longest pause after a commit, in which the next group gathers. Without it, a busy worker would
/// make a thousand small commits a second.
const GATHERING: Duration = Duration::from_millis(5);

async fn run(db: &DatabaseConnection, Inbox { records: incoming, tally }: &mut Inbox) {
    let mut received = Vec::with_capacity(GROUP);
    while receive(incoming, &mut received, tally.due()).await {
        let began = Instant::now();
        let is_busy = received.len() > 1;
        write_groups(db, &mut received, tally).await;
        tally.write_some(db).await;
        // After a busy write, pause as long as it took, so that the next group can gather. A single record
        // never causes a pause.
        if is_busy && incoming.len() < GROUP {
            tokio::time::sleep(began.elapsed().min(GATHERING)).await;
        }
    }
    tally.write_all(db).await;
}

/// Commits what was received, and adds the attempts to the sums.
async fn write_groups(db: &DatabaseConnection, received: &mut Vec<(Record, oneshot::Sender<()>)>, tally: &mut Tally) {
    if received.is_empty() {
        return;
    }
    let (records, waiting) = received.drain(..).unzip();
    let mut groups = vec![Group { records, waiting }];
    while let Some(mut group) = groups.pop() {
        match write_out(db, &mut group.records).await {
            Ok(()) => {
                tally.add(group.records.iter().filter_map(Record::attempted));
                group.committed();
            }
            Err(_) if group.records.len() > 1 => groups.extend(group.halves()),
            Err(error) if group.records.iter_mut().any(Record::shorten) => {
                tracing::warn!(%error, "the database refuses a delivery record, trying without its texts");
                groups.push(group);
            }
            Err(error) => {
                let delivery = group.records.first().map(|record| record.delivery.to_string());
                tracing::error!(%error, delivery, "the database refuses a delivery record; it will be delivered again");
            }
        }
    }
}

/// Waits for records, at most until then. Returns `false` if no more will come.
async fn receive(
    incoming: &mut mpsc::Receiver<(Record, oneshot::Sender<()>)>,
    received: &mut Vec<(Record, oneshot::Sender<()>)>,
    until: Option<Instant>,
) -> bool {
    let some = incoming.recv_many(received, GROUP);
    match until {
        Some(until) => tokio::time::timeout_at(until, some).await.map_or(true, |count| count > 0),
        None => some.await > 0,
    }
}

/// Waits until the records are committed, as long as the database is unreachable. Fails if the database
/// refuses their content, because another attempt would fail, too.
async fn write_out(db: &DatabaseConnection, records: &mut [Record]) -> Result<(), Error> {
    let mut pauses = PAUSES.iter().chain(std::iter::repeat(&PAUSES[PAUSES.len() - 1]));
    loop {
        match with_timeout(db, commit(db, records)).await {
            Ok(()) => return Ok(()),
            Err(error) if is_refused(&error) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, records = records.len(), "writing delivery records failed, trying again");
            }
        }
        tokio::time::sleep(*pauses.next().unwrap_or(&PAUSES[0])).await;
    }
}

async fn commit(db: &DatabaseConnection, records: &mut [Record]) -> Result<(), Error> {
    if fit_one_statement(db.get_database_backend(), records) {
        follow_clock(records);
        if insert_new(db, records).await? {
            return Ok(());
        }
    }
    let txn = transaction::begin(db).await?;
    plan_anew(&txn).await?;
    follow_clock(records);
    write(&txn, records).await?;
    Ok(txn.commit().await?)
}

fn follow_clock(records: &mut [Record]) {
    let (day, since) = (Timestamp::now(), Instant::now());
    records.iter_mut().for_each(|record| record.follow_clock(day, since));
}
