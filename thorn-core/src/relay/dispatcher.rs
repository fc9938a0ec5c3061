//! The application's own dispatchers, and the loop that hands them events.

use std::{fmt, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt as _;
use sea_orm::{
    ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, prelude::Uuid,
    sea_query::Expr,
};
use tokio::sync::watch;

use crate::{
    attempt::spread_pause,
    db::{one_of, plan_anew, recheck, transaction, with_timeout},
    dispatch::Dispatch,
    error::Error,
    outbox::{StoredEvent, raw_bodies},
    rendered::RenderedEvent,
    tables::event::{Column, Entity, Model},
    timestamp::Timestamp,
};

/// Any error.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Takes committed events to another place: a message broker, an e-mail, another service.
///
/// A worker calls the dispatcher with committed events, outside any transaction and at least once for each
/// event. It hands an event over again if the call failed, or if the worker died before it noted the
/// result. A call that takes longer than twice [`Config::takeover`](crate::Config::takeover) is cancelled
/// and counts as failed.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
///
/// use thorn_core::{
///     Dispatch, Error, Thorn, async_trait,
///     event::{Event, RenderedEvent},
///     worker::{BoxError, Dispatcher},
/// };
///
/// #[derive(Debug)]
/// struct Print;
///
/// #[async_trait]
/// impl Dispatcher for Print {
///     async fn dispatch(&self, events: &[RenderedEvent]) -> Vec<Result<(), BoxError>> {
///         events.iter().map(|event| { println!("{:?}", event.body); Ok(()) }).collect()
///     }
/// }
///
/// # async fn example(db: sea_orm::DatabaseConnection) -> Result<(), Error> {
/// let thorn = Thorn::builder(db).dispatcher("print", Arc::new(Print)).build().await?;
/// let worker = thorn.start_worker().await?;
/// Event::new("a.b").dispatch(Dispatch::custom("print")).send(thorn.db(), &1).await?;
/// # worker.stop().await
/// # }
/// ```
#[async_trait::async_trait]
pub trait Dispatcher: Send + Sync + fmt::Debug {
    /// Takes these events, the oldest first, and returns a result for each in the same order.
    ///
    /// An event without a result counts as failed. Failed events come again after a pause.
    async fn dispatch(&self, events: &[RenderedEvent]) -> Vec<Result<(), BoxError>>;
}

/// The most events of one call.
const EVENTS: u64 = 100;

/// Pause after an error of the database.
const PAUSE: Duration = Duration::from_secs(1);

/// A dispatcher with what its loop needs.
#[derive(Clone, Debug)]
pub(crate) struct Custom {
    pub(crate) db: DatabaseConnection,
    pub(crate) name: String,
    pub(crate) dispatcher: Arc<dyn Dispatcher>,
    pub(crate) poll: Duration,
    /// The longest time of one call. Events are held for twice as long.
    pub(crate) deadline: Duration,
    /// The pause before failed events are handed over again.
    pub(crate) pause: Duration,
}

impl Custom {
    /// Hands events over until `stop` turns true. A call under way is finished first.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let pause = match self.turn().await {
                Ok(0) => self.poll,
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(%error, dispatcher = self.name, "dispatching failed, trying again");
                    spread_pause(PAUSE, rand::random()).max(self.poll)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
    }

    async fn turn(&self) -> Result<usize, Error> {
        let events = with_timeout(&self.db, self.claim()).await?;
        if events.is_empty() {
            return Ok(0);
        }
        let taking = AssertUnwindSafe(self.dispatcher.dispatch(&events)).catch_unwind();
        let results = match tokio::time::timeout(self.deadline, taking).await {
            Ok(Ok(results)) => results,
            Ok(Err(_)) => {
                tracing::error!(dispatcher = self.name, "the dispatcher panicked");
                Vec::new()
            }
            Err(_) => {
                tracing::error!(dispatcher = self.name, deadline = ?self.deadline, "the dispatcher took too long");
                Vec::new()
            }
        };
        let (mut taken, mut failed) = (Vec::new(), Vec::new());
        let results = results.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
        for (event, result) in events.iter().zip(results) {
            match result {
                Some(Ok(())) => taken.push(event.id.as_uuid()),
                Some(Err(error)) => {
                    tracing::warn!(event.id = %event.id, event.name, dispatcher = self.name, %error, "the dispatcher failed to take an event");
                    failed.push(event.id.as_uuid());
                }
                None => failed.push(event.id.as_uuid()),
            }
        }
        with_timeout(&self.db, self.note(taken, failed)).await?;
        Ok(events.len())
    }

    /// Takes waiting events for the dispatcher, and holds them for twice the deadline of a call.
    async fn claim(&self) -> Result<Vec<RenderedEvent>, Error> {
        let waiting = Entity::find().filter(Column::Dispatcher.eq(&self.name)).filter(Column::RelayedAt.is_null());
        let rows = waiting.order_by_asc(Column::Id).limit(EVENTS).all(&self.db).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let now = Timestamp::now();
        let txn = transaction::begin(&self.db).await?;
        plan_anew(&txn).await?;
        let claimed = Entity::update_many()
            .col_expr(Column::RelayedAt, Expr::value(now.as_millis()))
            .col_expr(Column::AuditAt, Expr::value((now + self.deadline * 2).as_millis()))
            .filter(one_of(&txn, Column::Id, rows.iter().map(|row| row.id)))
            .filter(recheck(Column::RelayedAt.is_null().into()))
            .exec(&txn)
            .await?;
        if claimed.rows_affected != rows.len() as u64 {
            txn.rollback().await?;
            tracing::debug!("another worker was first");
            return Ok(Vec::new());
        }
        txn.commit().await?;
        let mut events: Vec<_> = rows.into_iter().map(rendered).collect();
        let raw: Vec<_> = events.iter().filter(|event| event.body.is_empty()).map(|event| event.id).collect();
        let mut bodies = raw_bodies(&self.db, &raw).await?;
        events.iter_mut().for_each(|event| event.raw = bodies.remove(&event.id));
        Ok(events)
    }

    /// Settles the events that were taken. Holds the failed ones for a pause, then they are free again.
    async fn note(&self, taken: Vec<Uuid>, failed: Vec<Uuid>) -> Result<(), Error> {
        let free_at = (Timestamp::now() + self.pause).as_millis();
        for (ids, fanout, audit_at) in [(taken, Some(0), None), (failed, None, Some(free_at))] {
            if ids.is_empty() {
                continue;
            }
            let note = Entity::update_many()
                .col_expr(Column::Fanout, Expr::value(fanout))
                .col_expr(Column::AuditAt, Expr::value(audit_at))
                .filter(one_of(&self.db, Column::Id, ids))
                .filter(Column::Fanout.is_null());
            transaction::execute_in_own_transaction(&self.db, note.build(self.db.get_database_backend())).await?;
        }
        Ok(())
    }
}

fn rendered(row: Model) -> RenderedEvent {
    let event = StoredEvent::from(row);
    RenderedEvent {
        id: event.id,
        subject: None,
        options: event.options.unwrap_or_default(),
        dispatch: event.dispatcher.map_or(Dispatch::Queue, Dispatch::custom),
        name: event.name,
        sender: event.sender,
        broadcast: event.broadcast,
        body: event.body,
        raw: None,
        recipients: Vec::new(),
        errback: None,
        callback: None,
        keeps_first_response: false,
        created_at: event.created_at,
    }
}
