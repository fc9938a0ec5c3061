//! The outbox: events written in the caller's own transaction.
//!
//! `thorn_event` is outbox and history in one table. A row without `relayed_at` waits for a relay;
//! since the relay asks for exactly that and never for "ids above the last one", a transaction that
//! commits late is not skipped.

mod buffer;
mod insert;
mod notification;
mod send;
mod stored_event;

pub use crate::error::FlushError;
pub use buffer::{Buffer, OnError, buffer_events, buffer_events_or};
pub(crate) use notification::listen;
pub(crate) use stored_event::{StoredEvent, StoredSubscriber};

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use self::insert::insert;
use crate::{
    db::OnConflict, dispatch::Dispatch, error::Error, id::EventId, process, rendered::RenderedEvent, tables::event,
    timestamp::Timestamp,
};

/// Writes events on this connection, many with one statement, in order; inside a scope of
/// [`buffer_events`] they are kept for its next flush.
///
/// # Errors
///
/// [`Error::Secret`] if a subscriber's secret can't be encrypted, and then nothing is written;
/// [`Error::Database`]; inside a transaction nothing of it stays once that is rolled back.
pub async fn write<C: ConnectionTrait>(db: &C, mut events: Vec<RenderedEvent>) -> Result<(), Error> {
    events.retain(|event| {
        let disabled = event.dispatch == Dispatch::Disabled;
        if disabled {
            tracing::debug!(event.id = %event.id, event.name, "dispatch is disabled, the event isn't written");
        }
        !disabled
    });
    match buffer::keep(db, events) {
        Some(events) => insert_new(db, events).await,
        None => Ok(()),
    }
}

async fn insert_new<C: ConnectionTrait>(db: &C, events: Vec<RenderedEvent>) -> Result<(), Error> {
    process::after_statement::<C, _>(insert(db, events, OnConflict::Fail)).await
}

/// As [`write`], but an event that is there already stays as it is.
pub(crate) async fn write_once<C: ConnectionTrait>(db: &C, events: Vec<RenderedEvent>) -> Result<(), Error> {
    insert(db, events, OnConflict::DoNothing).await
}

/// Gives an event of the same transaction the body and recipients of this one, also one that is still buffered; `false` if
/// it isn't there, or is fanned out.
pub(crate) async fn rewrite<C: ConnectionTrait>(db: &C, id: EventId, event: &RenderedEvent) -> Result<bool, Error> {
    if buffer::rewrite(db, id, event) {
        return Ok(true);
    }
    let options = stored_event::options_column(&event.options, &event.recipients, process::secret_key().as_ref())?;
    let update = event::Entity::update_many()
        .set(event::ActiveModel { body: Set(event.body.clone()), options: Set(options), ..Default::default() })
        .filter(event::Column::Id.eq(id.as_uuid()))
        .filter(event::Column::Fanout.is_null());
    Ok(update.exec(db).await?.rows_affected > 0)
}

/// Since when and until when an event is held for inline delivery; `None` leaves it to the queue.
fn hold(event: &RenderedEvent) -> Option<(Timestamp, Timestamp)> {
    let Some(time) = process::inline_hold() else {
        tracing::warn!(event.name, "no `Thorn` is there to deliver the event inline; it goes by the queue");
        return None;
    };
    if !process::collect(event.id) {
        tracing::debug!(event.name, "inside a transaction of the caller's; the event goes by the queue");
        return None;
    }
    let now = Timestamp::now();
    Some((now, now + time))
}
