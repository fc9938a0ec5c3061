//! Subscribers that events brought. When a chunk runs, they are read from the events' rows.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryTrait};

use super::executor::{Executor, database_pause};
use crate::{
    db::{all_by_new_plan, with_timeout},
    fanout::Chunk,
    id::{EventId, SubscriptionId},
    outbox::{StoredEvent, StoredSubscriber},
    tables::event::{Column, Entity, Model},
};

/// The events of a chunk that brought subscribers. Only the events' rows hold these.
#[derive(Default)]
pub(super) struct EventSubscribers(HashMap<EventId, StoredEvent>);

impl EventSubscribers {
    /// The event and its subscriber, if the row still exists.
    pub(super) fn get(&self, event: EventId, id: SubscriptionId) -> Option<(&StoredEvent, &StoredSubscriber)> {
        let event = self.0.get(&event)?;
        Some((event, event.subscriber(id)?))
    }
}

impl Executor {
    /// Reads the rows with one query for the whole chunk, if a delivery goes to a subscriber of an event.
    pub(super) async fn event_subscribers(&self, chunk: &Chunk) -> EventSubscribers {
        let ids: Vec<_> = chunk
            .deliveries
            .iter()
            .filter(|delivery| delivery.of_event)
            .filter_map(|delivery| chunk.events.get(delivery.event))
            .map(|event| event.id.as_uuid())
            .collect();
        if ids.is_empty() {
            return EventSubscribers::default();
        }
        loop {
            let query = Entity::find().filter(Column::Id.is_in(ids.iter().copied()));
            let query = query.build(self.db.get_database_backend());
            let rows = async { Ok(all_by_new_plan::<Model>(&self.db, query).await?) };
            match with_timeout(&self.db, rows).await {
                Ok(rows) => {
                    let events = rows.into_iter().map(StoredEvent::from).map(|event| (event.id, event));
                    return EventSubscribers(events.collect());
                }
                Err(error) => tracing::warn!(%error, "can't read the subscribers that events brought; trying again"),
            }
            tokio::time::sleep(database_pause()).await;
        }
    }
}
