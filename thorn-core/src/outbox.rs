//! The outbox: events written in the caller's own transaction.
//!
//! `thorn_event` is outbox and history in one table. A row without `relayed_at` waits for a relay. The relay asks
//! for exactly these rows and never for "ids above the last one". So it doesn't skip a transaction that commits
//! late.

mod buffer;
#[cfg(test)]
pub(crate) mod fixture;
mod insert;
mod notification;
mod payload;
mod send;
mod stored_event;
mod withdraw;

pub use crate::error::FlushError;
pub(crate) use buffer::buffer_of;
pub use buffer::{Buffer, OnError, buffer_events, buffer_events_or};
pub(crate) use notification::listen;
pub(crate) use payload::{bodies, raw_bodies};
pub(crate) use stored_event::{StoredEvent, StoredSubscriber};

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use self::insert::{insert, insert_new};
use crate::{
    db::OnConflict, dispatch::Dispatch, error::Error, id::EventId, process, rendered::RenderedEvent, tables::event,
};

/// Writes events on this connection, in order and many with one statement.
///
/// Inside a scope of [`buffer_events`], the buffer keeps the events for its next flush.
///
/// # Errors
///
/// [`Error::Option`] if an event's options can't be written as JSON. Nothing is written then.
///
/// [`Error::Secret`] if a subscriber's secret can't be encrypted. Nothing is written then.
///
/// [`Error::Database`] if a statement fails. A rollback of the caller's transaction removes all of the events.
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

/// Inserts events without a buffer. An event that already exists stays as it is.
pub(crate) async fn write_once<C: ConnectionTrait>(db: &C, events: Vec<RenderedEvent>) -> Result<(), Error> {
    insert(db, events, OnConflict::DoNothing).await
}

/// Gives the event with this `id` the body, options and recipients of `event`.
///
/// The event with this `id` belongs to the same transaction, and may still be buffered. Returns `false` if it
/// doesn't exist or is already fanned out.
pub(crate) async fn rewrite<C: ConnectionTrait>(db: &C, id: EventId, event: &RenderedEvent) -> Result<bool, Error> {
    if buffer::rewrite(db, id, event) {
        return Ok(true);
    }
    let options = stored_event::options_column(event, process::secret_key().as_ref())?;
    let update = event::Entity::update_many()
        .set(event::ActiveModel { body: Set(event.body.clone()), options: Set(options), ..Default::default() })
        .filter(event::Column::Id.eq(id.as_uuid()))
        .filter(event::Column::Fanout.is_null());
    Ok(update.exec(db).await?.rows_affected > 0)
}
