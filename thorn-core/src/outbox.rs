//! The outbox: events written in the caller's own transaction.
//!
//! `thorn_event` is outbox and history in one table. A row without `relayed_at` waits for a relay;
//! since the relay asks for exactly that and never for "ids above the last one", a transaction that
//! commits late is not skipped.

pub(crate) mod entity;
mod wake;

pub(crate) use wake::{notified, notify};

use sea_orm::{ActiveValue::Set, ConnectionTrait, EntityTrait};

use crate::{
    Error,
    event::{RenderedEvent, recipients},
    subscription::{self, SecretKey},
};

/// Rows of one INSERT; eight columns each stay below every database's limit of bound values.
const ROWS_PER_INSERT: usize = 500;

/// Writes events on this connection, many with one statement, in order.
///
/// # Errors
///
/// [`Error::Secret`] if a subscriber's secret can't be encrypted, and then nothing is written;
/// [`Error::Database`]; inside a transaction nothing of it stays once that is rolled back.
pub async fn write<C: ConnectionTrait>(db: &C, events: Vec<RenderedEvent>) -> Result<(), Error> {
    let key = recipients::key();
    let rows: Vec<_> = events.into_iter().map(|event| row(event, key.as_ref())).collect::<Result<_, _>>()?;
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let batch: Vec<_> = rows.by_ref().take(ROWS_PER_INSERT).collect();
        entity::Entity::insert_many(batch).exec_without_returning(db).await?;
    }
    // Only a hint: inside a transaction the relay may look before the commit and will look again.
    notify();
    Ok(())
}

fn row(event: RenderedEvent, key: Option<&SecretKey>) -> Result<entity::ActiveModel, Error> {
    let options = subscription::column(&event.options, &event.subscribers, key)?;
    tracing::debug!(event.id = %event.id, event.name, "event written to the outbox");
    Ok(entity::ActiveModel {
        id: Set(event.id.as_uuid()),
        name: Set(event.name),
        sender: Set(event.sender),
        broadcast: Set(event.broadcast),
        body: Set(event.body),
        options: Set(options),
        created_at: Set(event.created_at.as_millis()),
        ..Default::default()
    })
}
