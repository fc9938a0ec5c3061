//! Buffered events: many events of one connection, written with one INSERT (or one for each 512 events).
//!
//! A buffer belongs to a task and to the caller's connection. An event on another connection isn't buffered,
//! because that connection may commit first. So a save through the pool still writes its event in its own
//! transaction. The events of a savepoint are written in the savepoint.

mod scope;

use std::{fmt, sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, TransactionSession, TransactionTrait};

use self::scope::{Scope, Taken};
use super::{
    insert::{insert_new, is_one_statement},
    withdraw::withdraw,
};
use crate::{
    error::{Error, FlushError},
    process,
};

pub use self::scope::OnError;
pub(crate) use self::scope::buffer_of;
pub(super) use self::scope::{keep, rewrite};

/// Collects the events that this task writes on `db` while `work` runs, and writes them together.
///
/// The events are written at the end, and at each flush of the [`Buffer`]. A flush needs one INSERT (or one for
/// each 512 events).
///
/// `db` is meant to be a transaction. Changes and events then still commit together, and a thousand saves need two
/// INSERTs for their events. Several changes of a row are one event if its model declares `coalesce`. With a pool,
/// only events that are sent on the pool by hand are collected. A save through a generated method has its own
/// transaction and writes its event there at once.
///
/// Events on another connection are also written at once. A clone of `db` is another connection. The same holds for
/// events in a savepoint, and for events of other tasks, even if `work` spawned the task.
///
/// Inside another scope on the same connection, the outer buffer is used. The end of the inner scope writes nothing.
/// A flush from either scope writes everything.
///
/// # Errors
///
/// The error that `work` returned. Pending events are written nevertheless. [`buffer_events_or`] can drop them.
///
/// [`Error::Flush`] with the events that couldn't be written at the end.
///
/// If the future is dropped before its end, pending events are lost. The caller must then roll back.
///
/// # Examples
///
/// ```
/// use sea_orm::{DatabaseConnection, TransactionTrait};
/// use thorn_core::{Error, event::Event, outbox::buffer_events};
///
/// async fn import(names: Vec<String>, db: &DatabaseConnection) -> Result<(), Error> {
///     let txn = db.begin().await?;
///     buffer_events(&txn, async |buffer| {
///         for name in names {
///             Event::new("user.imported").broadcast().send(&txn, &name).await?;
///             buffer.maybe_flush(Some(1000), None).await?;
///         }
///         Ok::<_, Error>(())
///     })
///     .await?;
///     Ok(txn.commit().await?)
/// }
/// ```
pub async fn buffer_events<'a, C, F, W, T, E>(db: &'a C, work: F) -> Result<T, E>
where
    C: ConnectionTrait + TransactionTrait,
    F: FnOnce(Buffer<'a, C>) -> W,
    W: Future<Output = Result<T, E>>,
    E: From<Error>,
{
    buffer_events_or(db, OnError::Flush, work).await
}

/// As [`buffer_events`], but `on_error` decides what happens to pending events if `work` fails.
///
/// # Errors
///
/// As [`buffer_events`].
pub async fn buffer_events_or<'a, C, F, W, T, E>(db: &'a C, on_error: OnError, work: F) -> Result<T, E>
where
    C: ConnectionTrait + TransactionTrait,
    F: FnOnce(Buffer<'a, C>) -> W,
    W: Future<Output = Result<T, E>>,
    E: From<Error>,
{
    if let Some(scope) = Scope::of(db) {
        return work(Buffer { db, scope }).await;
    }
    let scope = Scope::begin(db, on_error);
    let buffer = Buffer { db, scope: scope.clone() };
    let ended = Scope::enter(scope, Box::pin(work(buffer.clone()))).await;
    match (ended, on_error) {
        (Ok(value), _) => {
            buffer.flush().await?;
            Ok(value)
        }
        (Err(error), OnError::Flush) => {
            if let Err(flush) = buffer.flush().await {
                tracing::warn!(error = %flush, "after a failure in their scope");
            }
            Err(error)
        }
        (Err(error), OnError::Discard) => {
            let discarded = buffer.scope.pending().take().events.len();
            tracing::debug!(events = discarded, "buffered events discarded after a failure in their scope");
            Err(error)
        }
    }
}

/// The buffer of a scope of [`buffer_events`].
pub struct Buffer<'a, C> {
    db: &'a C,
    scope: Arc<Scope>,
}

impl<C: ConnectionTrait + TransactionTrait> Buffer<'_, C> {
    /// Writes all pending events in order, and returns the number of events written.
    ///
    /// While a savepoint of the connection is open, this method writes into the savepoint, like every other
    /// statement.
    ///
    /// # Errors
    ///
    /// [`Error::Flush`] with all the events. None of the events is written. The buffer is then empty and still
    /// usable.
    pub async fn flush(&self) -> Result<usize, Error> {
        let taken = self.scope.pending().take();
        if taken.events.is_empty() && taken.withdrawn.is_empty() {
            return Ok(0);
        }
        match self.write(&taken).await {
            Ok(()) => Ok(taken.events.len()),
            Err(source) => {
                self.scope.withdraw(taken.withdrawn);
                Err(FlushError { events: taken.events, source: Box::new(source) }.into())
            }
        }
    }

    /// Flushes if the number of calls of this method is a multiple of `frequency`, or if `interval` has passed since
    /// the last flush. Returns the number of events written.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub async fn maybe_flush(&self, frequency: Option<usize>, interval: Option<Duration>) -> Result<usize, Error> {
        let due = self.scope.pending().is_due(frequency, interval);
        if due { self.flush().await } else { Ok(0) }
    }

    /// The number of events that wait to be written.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.scope.pending().len()
    }

    /// Writes all of the events or none, even if this takes several statements.
    async fn write(&self, Taken { events, withdrawn }: &Taken) -> Result<(), Error> {
        if withdrawn.is_empty() && is_one_statement(events) {
            return insert_new(self.db, events.clone()).await;
        }
        process::after_statement::<C, _>(async {
            let txn = self.db.begin().await?;
            let written = async {
                withdraw(&txn, withdrawn).await?;
                insert_new(&txn, events.clone()).await
            };
            match written.await {
                Ok(()) => Ok(txn.commit().await?),
                Err(error) => {
                    txn.rollback().await?;
                    Err(error)
                }
            }
        })
        .await
    }
}

impl<C> Clone for Buffer<'_, C> {
    fn clone(&self) -> Self {
        Self { db: self.db, scope: self.scope.clone() }
    }
}

impl<C> fmt::Debug for Buffer<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Buffer").field("pending", &self.scope.pending().len()).finish_non_exhaustive()
    }
}
