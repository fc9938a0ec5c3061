//! The outbox: events written in the caller's own transaction.
//!
//! `thorn_event` is outbox and history in one table. A row without `relayed_at` waits for a relay;
//! since the relay asks for exactly that and never for "ids above the last one", a transaction that
//! commits late is not skipped.

mod buffer;
pub(crate) mod entity;
mod wake;

pub use buffer::{Buffer, FlushError, OnError, buffer_events, buffer_events_or};
pub(crate) use wake::{hints, listen, notify};

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, Iterable, QueryFilter};

use crate::{
    Error, EventId, Timestamp,
    dispatch::{self, Dispatch},
    event::{RenderedEvent, recipients},
    statement::{MAX_BYTES, batches},
    subscription::{self, SecretKey},
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
        Some(events) => insert(db, events).await,
        None => Ok(()),
    }
}

/// Those that are delivered inline are held for this process, if it will know of their commit.
async fn insert<C: ConnectionTrait>(db: &C, events: Vec<RenderedEvent>) -> Result<(), Error> {
    let inserting = async {
        let key = recipients::key();
        let rows: Vec<_> = events.into_iter().map(|event| row(event, key.as_ref())).collect::<Result<_, _>>()?;
        for rows in batches(rows, entity::Column::iter().count(), bytes) {
            entity::Entity::insert_many(rows).exec_without_returning(db).await?;
        }
        wake::announce(db).await
    };
    dispatch::after_statement::<C, _>(inserting).await
}

/// As [`write`], but an event that is there already stays as it is.
pub(crate) async fn write_once<C: ConnectionTrait>(db: &C, events: Vec<RenderedEvent>) -> Result<(), Error> {
    let key = recipients::key();
    for event in events {
        let insert = entity::Entity::insert(row(event, key.as_ref())?).on_conflict_do_nothing_on([entity::Column::Id]);
        insert.exec_without_returning(db).await?;
    }
    Ok(())
}

/// Gives an event of the same transaction the body and recipients of this one, also one that is still buffered; `false` if
/// it isn't there, or is fanned out.
pub(crate) async fn rewrite<C: ConnectionTrait>(db: &C, id: EventId, event: &RenderedEvent) -> Result<bool, Error> {
    if buffer::rewrite(db, id, event) {
        return Ok(true);
    }
    let options = subscription::column(&event.options, &event.subscribers, recipients::key().as_ref())?;
    let update = entity::Entity::update_many()
        .set(entity::ActiveModel { body: Set(event.body.clone()), options: Set(options), ..Default::default() })
        .filter(entity::Column::Id.eq(id.as_uuid()))
        .filter(entity::Column::Fanout.is_null());
    Ok(update.exec(db).await?.rows_affected > 0)
}

fn row(event: RenderedEvent, key: Option<&SecretKey>) -> Result<entity::ActiveModel, Error> {
    let options = subscription::column(&event.options, &event.subscribers, key)?;
    let held = if event.dispatch == Dispatch::Inline { hold(&event) } else { None };
    let dispatcher = match event.dispatch {
        Dispatch::Custom(name) => Some(name.into_owned()),
        _ => None,
    };
    tracing::debug!(event.id = %event.id, event.name, "event written to the outbox");
    Ok(entity::ActiveModel {
        id: Set(event.id.as_uuid()),
        name: Set(event.name),
        sender: Set(event.sender),
        broadcast: Set(event.broadcast),
        body: Set(event.body),
        options: Set(options),
        created_at: Set(event.created_at.as_millis()),
        relayed_at: Set(held.map(|(now, _)| now.as_millis())),
        audit_at: Set(held.map(|(_, until)| until.as_millis())),
        dispatcher: Set(dispatcher),
        ..Default::default()
    })
}

/// Whether one statement surely holds these; options without recipients are short.
fn fit_one_insert(events: &[RenderedEvent]) -> bool {
    let plain = events.iter().all(|event| event.subscribers.is_empty());
    let bodies = events.iter().map(|event| event.body.len());
    events.len() <= 500 && plain && bodies.sum::<usize>() <= MAX_BYTES / 2
}

/// Of what may be long; the rest has its place in the limit.
fn bytes(row: &entity::ActiveModel) -> usize {
    let options = row.options.try_as_ref().and_then(Option::as_ref).map_or(0, String::len);
    row.body.try_as_ref().map_or(0, String::len) + options
}

/// Since when and until when an event is held for inline delivery; `None` leaves it to the queue.
fn hold(event: &RenderedEvent) -> Option<(Timestamp, Timestamp)> {
    let Some(time) = dispatch::hold() else {
        tracing::warn!(event.name, "no `Thorn` is there to deliver the event inline; it goes by the queue");
        return None;
    };
    if !dispatch::collect(event.id) {
        tracing::debug!(event.name, "inside a transaction of the caller's; the event goes by the queue");
        return None;
    }
    let now = Timestamp::now();
    Some((now, now + time))
}
