//! The bodies of events, for those who have the ids.

use std::collections::HashMap;

use bytes::Bytes;
use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DbBackend, EntityTrait, FromQueryResult, QueryFilter,
    QuerySelect, QueryTrait, Value, prelude::Uuid,
};

use crate::{
    db::{OnConflict, all_by_new_plan, batches, statement},
    error::Error,
    id::EventId,
    migration,
    rendered::RawBody,
    tables::event::{Column, Entity},
};

/// The media type in the row of a raw event that has none. Null would make it an enveloped event.
const NO_MEDIA_TYPE: &str = "";

#[derive(FromQueryResult)]
struct Found {
    id: Uuid,
    media_type: Option<String>,
    bytes: Vec<u8>,
}

#[derive(FromQueryResult)]
struct FoundBody {
    id: Uuid,
    body: String,
}

/// The value of the column `media_type` for an event with this body.
pub(super) fn media_type_column(raw: Option<&RawBody>) -> Option<String> {
    raw.map(|raw| raw.media_type.clone().unwrap_or_else(|| NO_MEDIA_TYPE.to_owned()))
}

/// Inserts the bodies of raw events.
pub(super) async fn insert<C: ConnectionTrait>(
    db: &C,
    bodies: Vec<(EventId, Bytes)>,
    on_conflict: OnConflict,
) -> Result<(), Error> {
    let backend = db.get_database_backend();
    let clause = match (on_conflict, backend) {
        (OnConflict::Fail, _) => "",
        (OnConflict::DoNothing, DbBackend::MySql) => " ON DUPLICATE KEY UPDATE event_id = event_id",
        (OnConflict::DoNothing, _) => " ON CONFLICT (event_id) DO NOTHING",
    };
    for bodies in batches(bodies, 2, |(_, bytes)| bytes.len()) {
        let rows = vec!["(?, ?)"; bodies.len()].join(", ");
        let sql = format!("INSERT INTO thorn_payload (event_id, bytes) VALUES {rows}{clause}");
        let values = bodies.into_iter().flat_map(|(id, bytes)| [Value::from(id.as_uuid()), bytes.to_vec().into()]);
        db.execute_raw(statement(backend, &sql, values)).await.map_err(migration::explained)?;
    }
    Ok(())
}

/// The stored bodies of these events. Those of raw events are empty.
pub(crate) async fn bodies(db: &DatabaseConnection, events: &[EventId]) -> Result<HashMap<EventId, String>, Error> {
    let query = Entity::find().select_only().column(Column::Id).column(Column::Body);
    let query = query.filter(Column::Id.is_in(events.iter().map(|id| id.as_uuid())));
    let found: Vec<FoundBody> = all_by_new_plan(db, query.build(db.get_database_backend())).await?;
    Ok(found.into_iter().map(|FoundBody { id, body }| (EventId::from_uuid(id), body)).collect())
}

/// Reads the bodies of these raw events. An event that was deleted, or that isn't raw, has none.
pub(crate) async fn raw_bodies(
    db: &DatabaseConnection,
    events: &[EventId],
) -> Result<HashMap<EventId, RawBody>, Error> {
    if events.is_empty() {
        return Ok(HashMap::new());
    }
    // Connections keep statements prepared, so there should be few different texts. A nil id matches no row.
    let texts = events.len().next_power_of_two();
    let sql = format!(
        "SELECT thorn_event.id, media_type, bytes FROM thorn_payload \
         JOIN thorn_event ON thorn_event.id = event_id WHERE event_id IN ({})",
        vec!["?"; texts].join(", ")
    );
    let ids = events.iter().map(|id| id.as_uuid()).chain(std::iter::repeat(Uuid::nil())).take(texts);
    let found: Vec<Found> =
        all_by_new_plan(db, statement(db.get_database_backend(), &sql, ids.map(Value::from))).await?;
    let found = found.into_iter().map(|Found { id, media_type, bytes }| {
        let media_type = media_type.filter(|media_type| media_type != NO_MEDIA_TYPE);
        (EventId::from_uuid(id), RawBody { media_type, bytes: bytes.into() })
    });
    Ok(found.collect())
}
