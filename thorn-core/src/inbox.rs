//! The inbox: CloudEvents that other programs send, each of which becomes one event however often it comes.
//!
//! A CloudEvent is known by its owner, its source and its id, as long as its event is kept. What is known of it is
//! written in the transaction of the event.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter, QuerySelect, Value,
};
use sha2::{Digest as _, Sha256};

use crate::{
    db::statement,
    error::Error,
    id::EventId,
    outbox,
    rendered::RenderedEvent,
    tables::cloud_event::{Column, Entity},
};

/// The event that a CloudEvent is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It came for the first time.
    First(EventId),
    /// It came before, and this was its event.
    Again(EventId),
}

impl Received {
    /// The event.
    #[must_use]
    pub const fn event(self) -> EventId {
        match self {
            Self::First(id) | Self::Again(id) => id,
        }
    }
}

/// Writes the events of CloudEvents ([`Event::of_cloud_event`](crate::event::Event::of_cloud_event)), apart from those
/// that came before.
///
/// A request with the same event that isn't committed yet is waited for.
///
/// # Errors
///
/// As [`outbox::write`]. A rollback of the transaction removes all of the events.
pub async fn receive(txn: &DatabaseTransaction, events: Vec<RenderedEvent>) -> Result<Vec<Received>, Error> {
    // In the order of the hashes, so that two batches with the same events never wait for one another.
    let mut waiting: Vec<_> = events.iter().enumerate().map(|(at, event)| (fingerprint(event), at)).collect();
    waiting.sort();
    let mut received = vec![None; events.len()];
    for (fingerprint, at) in waiting {
        let id = events[at].id;
        received[at] = Some(match insert(txn, &fingerprint, id).await? {
            true => Received::First(id),
            false => Received::Again(known(txn, &fingerprint).await?),
        });
    }
    let is_new = |(event, received): (RenderedEvent, &Option<Received>)| match received {
        Some(Received::First(_)) => Some(event),
        _ => None,
    };
    let new: Vec<_> = events.into_iter().zip(&received).filter_map(is_new).collect();
    outbox::write(txn, new).await?;
    Ok(received.into_iter().flatten().collect())
}

/// Notes the event, unless another one has the fingerprint.
async fn insert(txn: &DatabaseTransaction, fingerprint: &str, event: EventId) -> Result<bool, Error> {
    let backend = txn.get_database_backend();
    let sql = match backend {
        DbBackend::MySql => "INSERT IGNORE INTO thorn_cloud_event (fingerprint, event_id) VALUES (?, ?)",
        _ => "INSERT INTO thorn_cloud_event (fingerprint, event_id) VALUES (?, ?) ON CONFLICT (fingerprint) DO NOTHING",
    };
    let values = [Value::from(fingerprint), event.as_uuid().into()];
    Ok(txn.execute_raw(statement(backend, sql, values)).await?.rows_affected() > 0)
}

/// The event with this fingerprint. It is read as it is committed, and not as it was when the transaction began.
async fn known(txn: &DatabaseTransaction, fingerprint: &str) -> Result<EventId, Error> {
    let mut query = Entity::find().filter(Column::Fingerprint.eq(fingerprint));
    if txn.get_database_backend() != DbBackend::Sqlite {
        query = query.lock_shared();
    }
    let not_found = || Error::NotFound { what: "CloudEvent", id: fingerprint.to_owned() };
    let row = query.one(txn).await?.ok_or_else(not_found)?;
    Ok(EventId::from_uuid(row.event_id))
}

/// A hash of what makes two CloudEvents the same: owner, source and id. An event that isn't one is itself alone.
fn fingerprint(event: &RenderedEvent) -> String {
    let context = event.options.raw.as_ref().and_then(|head| head.cloud.as_deref());
    let own_id = event.id.to_string();
    let (source, id) = context.map_or(("", own_id.as_str()), |context| (&context.source, &context.id));
    let mut hash = Sha256::new();
    hash.update([u8::from(event.sender.is_some())]);
    for part in [event.sender.as_deref().unwrap_or_default(), source, id] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
