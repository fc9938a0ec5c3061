//! Responses to first attempts, for callers who wait for them.

use std::collections::HashSet;

use sea_orm::{ColumnTrait, ConnectionTrait, DatabaseConnection, EntityTrait, QueryFilter, QuerySelect, prelude::Uuid};

use crate::{
    error::Error,
    id::{DeliveryId, EventId},
    name::DISPATCH_RESPONSE,
    outbox::raw_bodies,
    rendered::{EventOptions, RawBody, ResponseHead},
    tables::{
        delivery::{Column, Entity},
        event,
    },
};

/// The response to the first attempt of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstResponse {
    /// The HTTP status.
    pub status: u16,
    /// The bytes of the body, and their `Content-Type`.
    pub body: RawBody,
    /// Whether the body was longer than `max_payload_bytes`, or broke off.
    pub is_truncated: bool,
}

/// Ids in one query. Connections keep statements prepared, so there are few different texts.
const IDS_PER_QUERY: usize = 128;

/// Those of these deliveries whose first attempt is recorded.
pub(super) async fn attempted<C: ConnectionTrait>(
    db: &C,
    deliveries: &[DeliveryId],
) -> Result<HashSet<DeliveryId>, Error> {
    let mut found = HashSet::new();
    for some in deliveries.chunks(IDS_PER_QUERY) {
        let padding = std::iter::repeat_n(Uuid::nil(), some.len().next_power_of_two() - some.len());
        let ids = some.iter().map(|id| id.as_uuid()).chain(padding);
        let attempted = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Id.is_in(ids))
            .filter(Column::Attempts.gt(0))
            .into_tuple::<Uuid>()
            .all(db)
            .await?;
        found.extend(attempted.into_iter().map(DeliveryId::from_uuid));
    }
    Ok(found)
}

/// The response to the first attempt, if its event keeps it and there was one.
pub(super) async fn first_response(
    db: &DatabaseConnection,
    event: EventId,
    delivery: DeliveryId,
) -> Result<Option<FirstResponse>, Error> {
    let id = EventId::about_attempt(delivery, event, 1, DISPATCH_RESPONSE);
    let options = event::Entity::find_by_id(id.as_uuid()).select_only().column(event::Column::Options);
    let Some(Some(options)) = options.into_tuple::<Option<String>>().one(db).await? else { return Ok(None) };
    let head = ResponseHead::of(&EventOptions::of_stored(&options).headers);
    let body = raw_bodies(db, &[id]).await?.remove(&id);
    let response = head.zip(body);
    Ok(response.map(|(ResponseHead { status, is_truncated, .. }, body)| FirstResponse { status, body, is_truncated }))
}
