//! The outbox: events written in the caller's own transaction.
//!
//! `thorn_event` is outbox and history in one table. A row without `relayed_at` waits for a relay;
//! since the relay asks for exactly that and never for "ids above the last one", a transaction that
//! commits late is not skipped.

pub(crate) mod entity;
mod wake;

pub(crate) use wake::{notified, notify};

use sea_orm::{ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::{Error, EventId, event::RenderedEvent};

/// Rows of one INSERT; eight columns each stay below every database's limit of bound values.
const ROWS_PER_INSERT: usize = 500;

/// Writes events on this connection, many with one statement, in order.
///
/// # Errors
///
/// [`Error::Database`]; inside a transaction nothing of it stays once that is rolled back.
pub async fn write<C: ConnectionTrait>(db: &C, events: Vec<RenderedEvent>) -> Result<(), Error> {
    let mut rows = events.into_iter().map(row).peekable();
    while rows.peek().is_some() {
        let batch: Vec<_> = rows.by_ref().take(ROWS_PER_INSERT).collect();
        entity::Entity::insert_many(batch).exec_without_returning(db).await?;
    }
    // Only a hint: inside a transaction the relay may look before the commit and will look again.
    notify();
    Ok(())
}

/// Gives an event of the same transaction another body; `false` if it isn't there, or is relayed.
pub(crate) async fn rewrite<C: ConnectionTrait>(db: &C, id: EventId, body: &str) -> Result<bool, Error> {
    let update = entity::Entity::update_many()
        .set(entity::ActiveModel { body: Set(body.to_owned()), ..Default::default() })
        .filter(entity::Column::Id.eq(id.as_uuid()))
        .filter(entity::Column::RelayedAt.is_null());
    Ok(update.exec(db).await?.rows_affected > 0)
}

fn row(event: RenderedEvent) -> entity::ActiveModel {
    let options = if event.options.is_default() { None } else { serde_json::to_string(&event.options).ok() };
    tracing::debug!(event.id = %event.id, event.name, "event written to the outbox");
    entity::ActiveModel {
        id: Set(event.id.as_uuid()),
        name: Set(event.name),
        sender: Set(event.sender),
        broadcast: Set(event.broadcast),
        body: Set(event.body),
        options: Set(options),
        created_at: Set(event.created_at.as_millis()),
        ..Default::default()
    }
}
