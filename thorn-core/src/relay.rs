//! The relay: from the outbox to the queue.
//!
//! Each turn it claims events that nobody has relayed and deliveries that are due, finds who wants
//! to hear of them, and puts signed chunks on the queue. A claim and its tasks are one commit. Any
//! number of relays may run; none is a leader.

mod batch;
mod claim;
mod due;
mod fan_out;
mod hearers;
mod hop;
mod pack;
mod pick;
mod reconcile;
mod retain;

pub(crate) use batch::Batch;
pub(crate) use fan_out::FanOut;
pub(crate) use hearers::hearers;
pub(crate) use pack::stored_options;

use std::{sync::Arc, time::Duration};

use pick::OwnUrls;
use sea_orm::{DatabaseConnection, prelude::Uuid};
use tokio::sync::watch;

use crate::{Error, Timestamp, delivery::Lanes, outbox, queue::Queue, subscription::Registry, worker::Counters};

/// How the relay works.
#[derive(Clone, Debug)]
pub(crate) struct RelayOptions {
    /// How often it looks for work it wasn't told of.
    pub(crate) poll: Duration,
    /// Deliveries of one task at most.
    pub(crate) chunk: usize,
    /// It stops while the queue holds this many tasks.
    pub(crate) longest_queue: usize,
    /// A retry that was put on the queue and isn't recorded after this time is put there again.
    pub(crate) lease: Duration,
    /// How long after its fan-out an event is compared with what was recorded.
    pub(crate) audit_after: Duration,
    /// How long events are kept; `None` is for ever.
    pub(crate) keep: Option<Duration>,
    /// The same for those that nobody heard of.
    pub(crate) keep_unheard: Option<Duration>,
}

/// Moves committed events and due deliveries to the queue.
#[derive(Clone, Debug)]
pub(crate) struct Relay {
    pub(crate) db: DatabaseConnection,
    pub(crate) registry: Arc<Registry>,
    pub(crate) queue: Queue,
    pub(crate) lanes: Lanes,
    pub(crate) counters: Arc<Counters>,
    pub(crate) options: RelayOptions,
}

/// What a relay remembers from turn to turn.
#[derive(Debug)]
struct Progress {
    next_audit: Timestamp,
    /// Due rows aren't looked at before.
    next_due: Timestamp,
    /// The subscription after which the next hop begins.
    cursor: Uuid,
    own_urls: OwnUrls,
    batch: Batch,
}

/// The longest that due deliveries are left alone because their lanes are full.
const LANES: Duration = Duration::from_millis(100);

/// Pause after a hint that came before its commit; it doubles until it is that between polls.
const SOON: Duration = Duration::from_millis(1);

/// Pause after an error, so that a database that is away isn't hammered.
const PAUSE: Duration = Duration::from_secs(1);

impl Relay {
    /// Relays until `stop` turns true; a claim that was begun is finished.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut progress = Progress {
            next_audit: Timestamp::now() + self.audit_interval(),
            next_due: Timestamp::from_millis(0),
            cursor: Uuid::nil(),
            own_urls: OwnUrls::default(),
            batch: Batch::default(),
        };
        let mut hints = outbox::hints();
        let mut look_again = self.options.poll;
        while !*stop.borrow() {
            let pause = match self.turn(&mut progress).await {
                Ok(0) => look_again.min(self.options.poll).min(progress.until_due()),
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, "relaying failed, trying again");
                    PAUSE.max(self.options.poll)
                }
            };
            tokio::select! {
                _ = hints.changed() => look_again = SOON,
                () = tokio::time::sleep(pause) => look_again = (look_again * 2).min(self.options.poll),
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// One turn; returns how much it moved.
    async fn turn(&self, progress: &mut Progress) -> Result<usize, Error> {
        let now = Timestamp::now();
        let mut moved = 0;
        let room = self.room().await?;
        if let Some(room) = room {
            moved += self.claim_events(now, room, &mut progress.batch).await?;
            moved += self.claim_due(now, room, progress).await?;
        }
        let audit = now >= progress.next_audit;
        if audit {
            progress.next_audit = now + self.audit_interval();
            moved += self.reconcile(now, room.unwrap_or(0), &mut progress.batch).await?;
            moved += self.retain(now).await?;
        }
        if audit || moved > 0 {
            self.queue.sweep().await?;
        }
        Ok(moved)
    }

    /// How many tasks the queue still takes, if any.
    async fn room(&self) -> Result<Option<usize>, Error> {
        let depth = usize::try_from(self.queue.depth().await?).unwrap_or(usize::MAX);
        Ok(self.options.longest_queue.checked_sub(depth).filter(|room| *room > 0))
    }

    fn audit_interval(&self) -> Duration {
        (self.options.audit_after / 4).max(Duration::from_millis(100))
    }
}

impl Progress {
    /// How long due rows are left alone, if they are.
    fn until_due(&self) -> Duration {
        let left = self.next_due.since(Timestamp::now());
        if left.is_zero() { Duration::MAX } else { left }
    }
}
