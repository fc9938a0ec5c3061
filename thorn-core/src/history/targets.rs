//! Events of thorn's own in a list, with the deliveries to the recipients that they brought.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, prelude::Uuid};

use super::{deliveries::Delivery, events::EventSummary, of_event::EventDelivery};
use crate::{
    error::Error,
    id::{DeliveryId, EventId},
    name::{DISPATCH_FAILED, DISPATCH_REQUEST, DISPATCH_RESPONSE},
    outbox::StoredEvent,
    tables::{
        delivery::{Column, Entity},
        event,
    },
};

/// Events whose recipients a list shows. Each has few.
const WITH_TARGETS: [&str; 3] = [DISPATCH_REQUEST, DISPATCH_FAILED, DISPATCH_RESPONSE];

/// Ids in one query.
const IDS_PER_QUERY: usize = 500;

/// The deliveries to the recipients that these events brought, by event. A delivery without a row wasn't attempted yet.
pub(super) async fn targets<C: ConnectionTrait>(
    db: &C,
    events: &[EventSummary],
) -> Result<HashMap<EventId, Vec<EventDelivery>>, Error> {
    let shown = events.iter().filter(|event| WITH_TARGETS.contains(&&*event.name));
    let shown: Vec<Uuid> = shown.map(|event| event.id.as_uuid()).collect();
    let mut brought = Vec::new();
    for ids in shown.chunks(IDS_PER_QUERY) {
        let rows = event::Entity::find().filter(event::Column::Id.is_in(ids.iter().copied())).all(db).await?;
        brought.extend(rows.into_iter().map(StoredEvent::from));
    }
    let id = |event: &StoredEvent, subscription| DeliveryId::derive(event.id, subscription);
    let ids = brought.iter().flat_map(|event| event.subscribers.iter().map(|one| id(event, one.id()).as_uuid()));
    let ids: Vec<Uuid> = ids.collect();
    let mut rows: HashMap<DeliveryId, Delivery> = HashMap::new();
    for ids in ids.chunks(IDS_PER_QUERY) {
        let found = Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(db).await?;
        rows.extend(found.into_iter().map(Delivery::from).map(|delivery| (delivery.id, delivery)));
    }
    let targets = |event: StoredEvent| {
        let delivery = |subscription| {
            let id = id(&event, subscription);
            rows.get(&id).cloned().unwrap_or_else(|| Delivery::unattempted(id, event.id, subscription))
        };
        let targets = event.subscribers.iter();
        let targets =
            targets.map(|one| EventDelivery { delivery: delivery(one.id()), url: Some(one.url().to_owned()) });
        (event.id, targets.collect())
    };
    Ok(brought.into_iter().map(targets).collect())
}
