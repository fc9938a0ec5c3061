//! The relay: from the outbox to the queue.
//!
//! In each turn, the relay claims committed events and due deliveries, finds the recipients, and
//! enqueues signed chunks. A claim and its tasks are one commit. Any number of relays may run, and
//! none of them is a leader.

mod batch;
mod claim;
mod clock_jump;
mod dispatcher;
mod due;
mod kept;
mod pacing;
mod pick;
mod probes;
mod queue_room;
mod reconcile;
mod retain;
mod senders;
mod waiting;

pub(crate) use batch::Batch;
pub(crate) use dispatcher::Custom;
pub use dispatcher::{BoxError, Dispatcher};

use std::{sync::Arc, time::Duration};

use self::{
    pacing::{BusyPause, Every},
    probes::Probes,
    queue_room::{QueueRoom, Room},
    senders::Senders,
};
use crate::{
    attempt::spread_pause,
    clock::Clock,
    db::{is_db_timeout, with_timeout},
    error::Error,
    metrics::Counters,
    process::{self, IdlePoll},
    queue::{HangingTasks, Queue},
    subscription::{Purge, Registry},
    tenant::Tenant,
    timestamp::Timestamp,
};
use sea_orm::{DatabaseConnection, DbBackend, prelude::Uuid};
use tokio::{sync::watch, time::Instant};

/// The relay's settings.
#[derive(Clone, Debug)]
pub(crate) struct RelayOptions {
    /// How often an idle relay looks for work.
    pub(crate) poll: Duration,
    /// The most deliveries of one task.
    pub(crate) chunk: usize,
    /// The relay enqueues nothing while the queue holds this many tasks, besides those that hang and a few of senders
    /// with few deliveries.
    pub(crate) longest_queue: usize,
    /// The relay enqueues a due delivery again if no attempt is recorded within this time.
    pub(crate) lease: Duration,
    /// How long after its fan-out an event is compared with the recorded deliveries.
    pub(crate) audit_after: Duration,
    /// How long events are kept. `None` keeps them for ever.
    pub(crate) keep: Option<Duration>,
    /// How long events that no subscription matched are kept. `None` keeps them as long as the others.
    pub(crate) keep_unmatched: Option<Duration>,
    /// The default of `keep_unmatched`, which doesn't apply while the log is on.
    pub(crate) default_keep_unmatched: Duration,
}

/// Moves committed events and due deliveries to the queue.
#[derive(Clone, Debug)]
pub(crate) struct Relay {
    pub(crate) db: DatabaseConnection,
    /// The same database, as the relay's transactions use it.
    pub(crate) writer: DatabaseConnection,
    pub(crate) registry: Arc<Registry>,
    pub(crate) queue: Queue,
    /// Tasks that don't count into the queue's length.
    pub(crate) hanging: HangingTasks,
    pub(crate) counters: Arc<Counters>,
    pub(crate) options: RelayOptions,
}

/// The result of one claim.
#[derive(Clone, Copy, Debug, Default)]
struct Claimed {
    /// Tasks that the claim enqueued.
    tasks: usize,
    /// Whether another claim may find more at once.
    more: bool,
}

/// The relay's memory from one turn to the next.
#[derive(Debug)]
struct Progress {
    clock: Clock,
    queue_room: QueueRoom,
    busy: BusyPause,
    audits: Every,
    sweeps: Every,
    /// The subscription after which the next walk through the subscriptions begins.
    cursor: Uuid,
    batch: Batch,
    senders: Senders,
    /// The tenant whose due delivery the last turn took last.
    last_tenant: Tenant,
    purge: Purge,
    probes: Probes,
    /// The subscription at which the last walk through kept deliveries ended.
    kept: Uuid,
}

/// How long finished tasks of a busy worker stay in the queue before they are deleted.
const SWEEP: Duration = Duration::from_millis(100);

/// The shortest time between two audits.
const SHORTEST_AUDIT_INTERVAL: Duration = Duration::from_millis(100);

/// Pause after an error, so that the relay doesn't hammer an unreachable database.
const PAUSE: Duration = Duration::from_secs(1);

impl Relay {
    /// Relays until `stop` turns true. A claim under way is finished first.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut progress = self.start();
        let mut hints = process::hints();
        // PostgreSQL sends its hint with the commit, so the relay needn't look again soon after it.
        let early_hints = self.db.get_database_backend() != DbBackend::Postgres;
        let mut idle = IdlePoll::new(self.options.poll, early_hints);
        while !*stop.borrow() {
            let pause = match self.turn(&mut progress).await {
                Ok(true) => continue,
                Ok(false) => idle.pause().min(progress.busy.left()),
                Err(error) => {
                    tracing::warn!(%error, "relaying failed, trying again");
                    if is_db_timeout(&error) {
                        self.queue.interrupt();
                    }
                    spread_pause(PAUSE, rand::random()).max(self.options.poll)
                }
            };
            tokio::select! {
                _ = hints.changed() => idle.hinted(),
                () = tokio::time::sleep(pause) => idle.paused(),
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    fn start(&self) -> Progress {
        Progress {
            clock: Clock::new(Timestamp::now(), Instant::now()),
            queue_room: QueueRoom::new(self.options.longest_queue),
            busy: BusyPause::default(),
            audits: Every::new((self.options.audit_after / 4).max(SHORTEST_AUDIT_INTERVAL)),
            sweeps: Every::new(SWEEP),
            cursor: Uuid::nil(),
            batch: Batch::default(),
            senders: Senders::new(self.options.longest_queue, self.options.chunk),
            last_tenant: Tenant::default(),
            purge: Purge::default(),
            probes: Probes::default(),
            kept: Uuid::nil(),
        }
    }

    /// Runs one turn. Returns whether another one would find more to do.
    async fn turn(&self, progress: &mut Progress) -> Result<bool, Error> {
        let now = Timestamp::now();
        self.follow_clock(now, progress).await?;
        let room = with_timeout(&self.db, progress.queue_room.ask(&self.queue, &self.hanging)).await?;
        let mut claimed = self.claim(now, room, progress).await?;
        // The relay waits for a nearly full queue to drain, instead of adding a task for each finished one.
        if room.is_nearly_full {
            progress.busy.begin();
            claimed.more = false;
        }
        progress.queue_room.took(claimed.tasks, claimed.more);
        let is_audit = progress.audits.is_due();
        if is_audit {
            progress.audits.restart();
            claimed.more |= self.audit(now, room, progress).await?;
        }
        if is_audit || claimed.tasks > 0 && progress.sweeps.is_due() {
            progress.sweeps.restart();
            with_timeout(&self.db, self.queue.sweep()).await?;
        }
        Ok(claimed.more)
    }

    /// Claims events and due deliveries, if the queue has room for them.
    async fn claim(&self, now: Timestamp, room: Room, progress: &mut Progress) -> Result<Claimed, Error> {
        let mut claimed = Claimed::default();
        if room.tasks > 0 {
            claimed.add(with_timeout(&self.db, self.claim_events(now, room, progress)).await?);
            claimed.add(with_timeout(&self.db, self.claim_due(now, room.tasks, progress)).await?);
        } else if room.kept_free > 0 && progress.senders.may_look() {
            claimed.add(with_timeout(&self.db, self.claim_events(now, room, progress)).await?);
        }
        Ok(claimed)
    }

    /// Enqueues lost deliveries, and deletes old events and deleted subscriptions. Returns whether it found lost
    /// deliveries or old events.
    async fn audit(&self, now: Timestamp, room: Room, progress: &mut Progress) -> Result<bool, Error> {
        let recovered = with_timeout(&self.db, self.reconcile(now, room.tasks, &mut progress.batch)).await?;
        let deleted = with_timeout(&self.db, self.retain(now)).await?;
        with_timeout(&self.db, progress.purge.run(&self.db, now, self.options.keep)).await?;
        with_timeout(&self.db, self.release_kept(&mut progress.kept)).await?;
        progress.queue_room.forget();
        Ok(recovered > 0 || deleted > 0)
    }
}

impl Claimed {
    const fn add(&mut self, other: Self) {
        self.tasks += other.tasks;
        self.more |= other.more;
    }
}
