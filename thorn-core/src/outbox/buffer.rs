//! Buffered events: many events of one connection, written with one INSERT (or one for each 512).
//!
//! A buffer belongs to a task and to one connection, the caller's. An event that is written on another one
//! isn't kept back: its commit may come first. So a save through the pool still writes its event in
//! its own transaction, and a savepoint's events go with it.

mod scope;

use std::{fmt, sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, TransactionSession, TransactionTrait};

use self::scope::Scope;
use super::{insert::is_one_statement, insert_new};
use crate::{
    error::{Error, FlushError},
    process,
    rendered::RenderedEvent,
};

pub(super) use self::scope::{keep, rewrite};

/// The fate of events that are pending when the work in a buffer's scope fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// They are written (the default): whoever goes on and commits in spite of the error commits
    /// changes and events alike, and a rollback takes both.
    #[default]
    Flush,
    /// They are dropped. Changes that were made on the connection must then be rolled back, or they
    /// are never announced.
    Discard,
}

/// Collects the events that this task writes on `db` while `work` runs, and writes them with one
/// INSERT (or one for each 512 events) for each flush: at the end, and whenever the [`Buffer`] is told to.
///
/// `db` is meant to be a transaction: then changes and events still commit together, and a thousand
/// saves on it need two INSERTs for their events. With a pool, what is collected are events that are
/// sent on it by hand; a save through a generated method has a transaction of its own and writes
/// its event there at once. So does everything that is written on another connection (a clone of
/// `db` is one) and in a savepoint, and what other tasks write, also those spawned inside.
///
/// Inside another scope on the same connection the outer buffer is used: the inner scope's end
/// writes nothing, a flush from either writes everything.
///
/// # Errors
///
/// The error that `work` returned; then pending events are written all the same
/// ([`buffer_events_or`] can drop them). [`Error::Flush`] with the events that couldn't be written at
/// the end. If the future is dropped before its end, pending events are lost: roll back.
///
/// # Examples
///
/// ```
/// use sea_orm::{DatabaseConnection, TransactionTrait};
/// use thorn_core::{Error, buffer_events, event::Event};
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

/// As [`buffer_events`], with a choice of what becomes of pending events if `work` fails.
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
            let discarded = buffer.scope.pending().take().len();
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
    /// Writes everything that is pending, in order, and returns how many events that were.
    ///
    /// While a savepoint of the connection is open, this writes into the savepoint, as every
    /// statement would.
    ///
    /// # Errors
    ///
    /// [`Error::Flush`] with all the events, of which none is written. The buffer is empty then and
    /// goes on.
    pub async fn flush(&self) -> Result<usize, Error> {
        let events = self.scope.pending().take();
        if events.is_empty() {
            return Ok(0);
        }
        match self.write(&events).await {
            Ok(()) => Ok(events.len()),
            Err(source) => Err(FlushError { events, source: Box::new(source) }.into()),
        }
    }

    /// Flushes if the number of calls is a multiple of `frequency`, or if `interval` has passed
    /// since the last flush. Returns how many events were written.
    ///
    /// # Errors
    ///
    /// As [`flush`](Self::flush).
    pub async fn maybe_flush(&self, frequency: Option<usize>, interval: Option<Duration>) -> Result<usize, Error> {
        let due = self.scope.pending().is_due(frequency, interval);
        if due { self.flush().await } else { Ok(0) }
    }

    /// How many events wait to be written.
    #[must_use]
    pub fn pending(&self) -> usize {
        self.scope.pending().len()
    }

    /// All or nothing, also if it takes several statements.
    async fn write(&self, events: &[RenderedEvent]) -> Result<(), Error> {
        if is_one_statement(events) {
            return insert_new(self.db, events.to_vec()).await;
        }
        process::after_statement::<C, _>(async {
            let txn = self.db.begin().await?;
            match insert_new(&txn, events.to_vec()).await {
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
