//! Divides the relay's turns among the senders of events that wait.
//!
//! If events were claimed in the order of their commits, everybody would wait for one sender's backlog, although its
//! deliveries leave most of the machine idle. Nobody waits as long as one read holds all waiting events and the queue
//! has room for their deliveries, so nothing more happens then: the read is the same single statement.
//!
//! - **A read that reached its limit may hide other senders.** Its index is by sender and then by id, so one more
//!   statement finds the events of those who come after the read's last sender. If there are some, the next turns walk
//!   from sender to sender: each step reads a part of the limit and goes on after its last sender. A backlog takes one
//!   step of a turn, and many senders with few events each share a step. The walk continues where it ended, so each
//!   sender has its turn. It is over when nobody or only one sender is left.
//! - **Within a turn**, the next event is one of the sender with the fewest deliveries so far ([`Turns`]). Turns that
//!   have room for all events take all of them anyway.
//! - **A full queue keeps some room free** for senders with few deliveries in the last seconds. Otherwise a sender whose
//!   tasks fill the queue, and take long, would keep everybody else from it.
//!
//! The events of one sender stay in the order of their ids. Events without a sender count as those of one more sender.

mod recent;
mod turns;

use std::time::Duration;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect,
    Select, StreamTrait,
    sea_query::{LockBehavior, LockType, NullOrdering},
};

pub(super) use self::turns::Turns;
use self::{recent::Recent, turns::Sender};
use super::{
    batch::{BYTES, Batch},
    pacing::Every,
    queue_room::Room,
};
use crate::{
    error::Error,
    outbox::StoredEvent,
    tables::event::{Column, Entity, Unrelayed},
    tenant::Tenant,
};

/// How often the relay looks for senders behind a backlog, and for those that a full queue keeps waiting.
const LOOK: Duration = Duration::from_millis(100);

/// Statements of a walk in one turn.
const STEPS: u64 = 4;

/// Events of one step while the queue is full.
const FEW: u64 = 16;

/// The senders whose events wait, as far as the relay knows them.
#[derive(Debug)]
pub(super) struct Senders {
    /// Whether events of several senders wait, and more than one read takes.
    is_crowded: bool,
    looks: Every,
    /// The sender at whom the walk has ended. `None` begins with the first one.
    after: Option<Sender>,
    recent: Recent,
    /// A sender with fewer recent deliveries may use the room that a full queue keeps free.
    few: usize,
}

/// Events that wait, in the order in which their senders have their first turn.
pub(super) struct Waiting {
    pub(super) events: Vec<StoredEvent>,
    /// Whether more events may wait.
    pub(super) at_limit: bool,
    pub(super) walk: Walk,
}

/// Whether events were read by a walk from sender to sender.
pub(super) enum Walk {
    /// One statement read them.
    No,
    /// The next walk begins after this sender, or with the first one.
    EndedAt(Option<Sender>),
}

impl Senders {
    /// With a queue of at most so many tasks, each of so many deliveries.
    pub(super) fn new(longest_queue: usize, chunk: usize) -> Self {
        Self {
            is_crowded: false,
            looks: Every::new(LOOK),
            after: None,
            recent: Recent::new(),
            few: (longest_queue / 16).max(1) * chunk,
        }
    }

    /// Whether it is time to look for senders that a full queue keeps waiting.
    pub(super) fn may_look(&self) -> bool {
        self.looks.is_due()
    }

    /// Reads events that wait.
    pub(super) async fn waiting<C>(&mut self, db: &C, room: Room, batch: &mut Batch) -> Result<Waiting, Error>
    where
        C: ConnectionTrait + StreamTrait + Send,
    {
        if room.tasks == 0 {
            self.looks.restart();
            return self.of_few(db, batch).await;
        }
        while self.is_crowded {
            let from = self.after.take();
            let is_from_the_first = from.is_none();
            let waiting = self.walk(db, batch, Vec::new(), from).await?;
            if !waiting.events.is_empty() {
                return Ok(waiting);
            }
            // Another relay may have locked all that this one has found.
            if is_from_the_first {
                break;
            }
        }
        let read = batch.read::<Unrelayed, _>(db, unrelayed(db, None), u64::MAX).await?;
        let mut events = read.events;
        if read.at_limit && self.looks.is_due() {
            self.looks.restart();
            let last = events.last().map(|event| event.sender.clone());
            let read = events.len();
            let waiting = self.walk(db, batch, events, last).await?;
            if waiting.events.len() > read {
                self.is_crowded = true;
                return Ok(waiting);
            }
            self.is_crowded = false;
            events = waiting.events;
        }
        // The sender of the oldest event comes first, so that none waits for ever while there is little room.
        events.sort_by_key(|event| event.id);
        Ok(Waiting { events, at_limit: read.at_limit, walk: Walk::No })
    }

    /// Goes from sender to sender, and adds what it reads to `events`.
    async fn walk<C>(
        &mut self,
        db: &C,
        batch: &mut Batch,
        mut events: Vec<StoredEvent>,
        from: Option<Sender>,
    ) -> Result<Waiting, Error>
    where
        C: ConnectionTrait + StreamTrait + Send,
    {
        let most = (batch.limit() as u64 / STEPS).max(1);
        let (mut after, mut is_end, mut is_cut, mut bytes) = (from.clone(), false, false, 0);
        for _ in 0..STEPS {
            let read = batch.read::<Unrelayed, _>(db, unrelayed(db, after.as_ref()), most).await?;
            bytes += read.bytes;
            is_end = !read.at_limit;
            if let Some(last) = read.events.last() {
                after = Some(last.sender.clone());
            }
            events.extend(read.events);
            if is_end || bytes >= BYTES {
                break;
            }
            is_cut = true;
        }
        let is_lap = from.is_none() && is_end;
        let is_one = events.first().map(|event| &event.sender) == events.last().map(|event| &event.sender);
        self.is_crowded = !is_lap || is_cut && !is_one;
        Ok(Waiting { events, at_limit: !is_lap || is_cut, walk: Walk::EndedAt(after.filter(|_| !is_end)) })
    }

    /// Reads events of senders with few recent deliveries.
    async fn of_few<C>(&mut self, db: &C, batch: &mut Batch) -> Result<Waiting, Error>
    where
        C: ConnectionTrait + StreamTrait + Send,
    {
        let mut after = self.after.clone();
        if after.is_none() && !self.has_few(None) {
            // The events without a sender come first.
            after = Some(None);
        }
        let (mut events, mut is_end) = (Vec::new(), false);
        for _ in 0..STEPS {
            let read = batch.read::<Unrelayed, _>(db, unrelayed(db, after.as_ref()), FEW).await?;
            is_end = !read.at_limit;
            if let Some(last) = read.events.last() {
                after = Some(last.sender.clone());
            }
            events.extend(read.events.into_iter().filter(|event| self.has_few(event.sender.as_deref())));
            if is_end {
                break;
            }
        }
        let end = after.filter(|_| !is_end);
        if events.is_empty() {
            self.after = end.clone();
        }
        Ok(Waiting { events, at_limit: true, walk: Walk::EndedAt(end) })
    }

    fn has_few(&self, sender: Option<&str>) -> bool {
        self.recent.of(Tenant::of(sender)) < self.few
    }

    /// Notes what was claimed of the events that the walk has read.
    pub(super) fn claimed(&mut self, turns: &Turns<'_>, walk: Walk) {
        for (sender, deliveries) in turns.spent() {
            self.recent.add(Tenant::of(sender.as_deref()), deliveries);
        }
        if let Walk::EndedAt(end) = walk {
            self.after = turns.last_begun().cloned().or(end);
        }
    }
}

/// The query for events that no relay has taken, of the senders after this one.
///
/// The order is that of the index, on every database, with the events without a sender first.
fn unrelayed<C: ConnectionTrait>(db: &C, after: Option<&Sender>) -> Select<Entity> {
    let behind = match after {
        None => Condition::all(),
        // SQLite finds the end of the nulls in an index by this comparison, and not by `IS NOT NULL`.
        Some(None) => Condition::all().add(Column::Sender.gte("")),
        Some(Some(sender)) => Condition::all().add(Column::Sender.gt(sender.as_str())),
    };
    let query = Entity::find().filter(free()).filter(behind);
    let backend = db.get_database_backend();
    let query = match backend {
        DbBackend::Postgres => query.order_by_with_nulls(Column::Sender, Order::Asc, NullOrdering::First),
        _ => query.order_by_asc(Column::Sender),
    };
    let query = query.order_by_asc(Column::Id);
    match backend {
        DbBackend::Sqlite => query,
        _ => query.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked),
    }
}

/// Events that no relay has taken and that go to the queue.
pub(super) fn free() -> Condition {
    Condition::all().add(Column::RelayedAt.is_null()).add(Column::Dispatcher.is_null())
}

#[cfg(test)]
mod tests;
