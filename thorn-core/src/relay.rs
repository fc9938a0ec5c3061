//! The relay: from the outbox to the queue.
//!
//! Each turn it claims events that nobody has relayed and deliveries that are due, finds who wants
//! to hear of them, and puts signed chunks on the queue. A claim and its tasks are one commit. Any
//! number of relays may run; none is a leader.

mod batch;
mod claim;
mod clock_jump;
mod dispatcher;
mod due;
mod pick;
mod reconcile;
mod retain;
mod round_robin;

pub(crate) use batch::Batch;
pub(crate) use dispatcher::Custom;
pub use dispatcher::{BoxError, Dispatcher};

use std::{ops::RangeInclusive, sync::Arc, time::Duration};

use crate::{
    clock::{Clock, Jump},
    db::{is_db_timeout, with_timeout},
    error::Error,
    metrics::Counters,
    process,
    queue::Queue,
    subscription::Registry,
    timestamp::Timestamp,
};
use sea_orm::{DatabaseConnection, DbBackend, prelude::Uuid};
use tokio::{sync::watch, time::Instant};

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
    pub(crate) keep_unmatched: Option<Duration>,
}

/// Moves committed events and due deliveries to the queue.
#[derive(Clone, Debug)]
pub(crate) struct Relay {
    pub(crate) db: DatabaseConnection,
    pub(crate) registry: Arc<Registry>,
    pub(crate) queue: Queue,
    pub(crate) counters: Arc<Counters>,
    pub(crate) options: RelayOptions,
}

/// What one kind of work of a turn came to.
#[derive(Clone, Copy, Debug, Default)]
struct Claimed {
    /// Tasks that were put on the queue.
    tasks: usize,
    /// Whether there may be more to claim at once.
    more: bool,
}

/// What a relay remembers from turn to turn.
#[derive(Debug)]
struct Progress {
    clock: Clock,
    next_audit: Instant,
    next_sweep: Instant,
    /// The length that the queue had, with what was put on it since, and when it was asked.
    depth: Option<(usize, Instant)>,
    /// Tasks that the next turn may take.
    tasks: usize,
    /// When to look again for what lanes or the queue had no room for, if there is some.
    busy_until: Option<Instant>,
    /// The subscription after which the next hop begins.
    cursor: Uuid,
    batch: Batch,
}

/// Pause before lanes and the queue are asked again whether they have room.
const BUSY: Duration = Duration::from_millis(100);

/// For how long the queue's length is taken for what it was, if it was nearly empty.
const LATELY: Duration = Duration::from_secs(1);

/// Tasks of the first turn after a pause, and of any. Of a long backlog the first shall be on their way before
/// more are packed, so each turn takes twice as many as the one before.
const TASKS: RangeInclusive<usize> = 8..=64;

/// How long finished tasks gather on the queue of a busy worker before they are deleted.
const SWEEP: Duration = Duration::from_millis(100);

/// Pause after a hint that came before its commit; it doubles until it is that between polls.
const SOON: Duration = Duration::from_millis(1);

/// Pause after an error, so that a database that is away isn't hammered.
const PAUSE: Duration = Duration::from_secs(1);

impl Relay {
    /// Relays until `stop` turns true; a claim that was begun is finished.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut progress = Progress {
            clock: Clock::new(Timestamp::now(), Instant::now()),
            next_audit: Instant::now() + self.audit_interval(),
            next_sweep: Instant::now() + SWEEP,
            depth: None,
            tasks: *TASKS.start(),
            busy_until: None,
            cursor: Uuid::nil(),
            batch: Batch::default(),
        };
        let mut hints = process::hints();
        // PostgreSQL's come with the commit.
        let after_hint = if self.db.get_database_backend() == DbBackend::Postgres { self.options.poll } else { SOON };
        let mut look_again = self.options.poll;
        while !*stop.borrow() {
            let pause = match self.turn(&mut progress).await {
                Ok(true) => continue,
                Ok(false) => look_again.min(self.options.poll).min(progress.busy()),
                Err(error) => {
                    tracing::warn!(%error, "relaying failed, trying again");
                    if is_db_timeout(&error) {
                        self.queue.interrupt();
                    }
                    PAUSE.max(self.options.poll)
                }
            };
            tokio::select! {
                _ = hints.changed() => look_again = after_hint,
                () = tokio::time::sleep(pause) => look_again = (look_again * 2).min(self.options.poll),
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    /// One turn; returns whether another one would find more to do.
    async fn turn(&self, progress: &mut Progress) -> Result<bool, Error> {
        let now = Timestamp::now();
        let mut claimed = Claimed::default();
        let before = progress.clock;
        if let Some(jump) = progress.clock.observe(now, Instant::now()) {
            tracing::warn!(?jump, "the clock was set");
            match jump {
                // What is only on its way isn't missing; it has the time it always has.
                Jump::Forward(_) => progress.next_audit = Instant::now() + self.options.audit_after,
                Jump::Backward(by) => {
                    let brought = with_timeout(&self.db, self.bring_forward(by, now)).await;
                    brought.inspect_err(|_| progress.clock = before)?;
                }
            }
        }
        let room = with_timeout(&self.db, self.room(&mut progress.depth)).await?;
        // A long queue isn't filled up task by task as they are finished.
        let nearly_full = room.is_none_or(|room| room < self.options.longest_queue / 16);
        let room = room.map(|room| room.min(progress.tasks));
        if let Some(room) = room {
            claimed.add(with_timeout(&self.db, self.claim_events(now, room, &mut progress.batch)).await?);
            claimed.add(with_timeout(&self.db, self.claim_due(now, room, progress)).await?);
        }
        if nearly_full {
            progress.busy_until = Some(Instant::now() + BUSY);
            claimed.more = false;
        }
        if let Some((depth, _)) = &mut progress.depth {
            *depth += claimed.tasks;
        }
        progress.tasks = if claimed.more { (progress.tasks * 2).min(*TASKS.end()) } else { *TASKS.start() };
        let audit = Instant::now() >= progress.next_audit;
        if audit {
            progress.next_audit = Instant::now() + self.audit_interval();
            claimed.more |=
                with_timeout(&self.db, self.reconcile(now, room.unwrap_or(0), &mut progress.batch)).await? > 0;
            claimed.more |= with_timeout(&self.db, self.retain(now)).await? > 0;
            progress.depth = None;
        }
        if audit || claimed.tasks > 0 && Instant::now() >= progress.next_sweep {
            progress.next_sweep = Instant::now() + SWEEP;
            with_timeout(&self.db, self.queue.sweep()).await?;
        }
        Ok(claimed.more)
    }

    /// How many tasks the queue still takes, if any. While it was nearly empty a moment ago it isn't asked.
    async fn room(&self, known: &mut Option<(usize, Instant)>) -> Result<Option<usize>, Error> {
        let nearly_empty = |depth| depth < self.options.longest_queue / 8;
        let depth = match *known {
            Some((depth, at)) if nearly_empty(depth) && at.elapsed() < LATELY => depth,
            _ => {
                let depth = usize::try_from(self.queue.depth().await?).unwrap_or(usize::MAX);
                *known = Some((depth, Instant::now()));
                depth
            }
        };
        Ok(self.options.longest_queue.checked_sub(depth).filter(|room| *room > 0))
    }

    fn audit_interval(&self) -> Duration {
        (self.options.audit_after / 4).max(Duration::from_millis(100))
    }
}

impl Claimed {
    const fn add(&mut self, other: Self) {
        self.tasks += other.tasks;
        self.more |= other.more;
    }
}

impl Progress {
    /// How long until it looks again for what there was no room for.
    fn busy(&self) -> Duration {
        self.busy_until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()))
    }
}
