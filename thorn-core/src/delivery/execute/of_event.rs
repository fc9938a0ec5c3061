//! Subscribers that events brought, read from the events' rows when a chunk runs.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{Executor, PAUSE};
use crate::{
    db::with_timeout,
    fanout::Chunk,
    id::{EventId, SubscriptionId},
    outbox::{StoredEvent, StoredSubscriber},
    tables::event::{Column, Entity},
};

/// Events of a chunk whose subscribers only their rows know.
#[derive(Default)]
pub(super) struct EventSubscribers(HashMap<EventId, StoredEvent>);

impl EventSubscribers {
    /// The event and its subscriber, if they are still there.
    pub(super) fn get(&self, event: EventId, id: SubscriptionId) -> Option<(&StoredEvent, &StoredSubscriber)> {
        let event = self.0.get(&event)?;
        Some((event, event.subscriber(id)?))
    }
}

impl Executor {
    /// Reads the rows once for the whole chunk, if some delivery goes to such a subscriber.
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
            let rows = async { Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(&self.db).await?) };
            match with_timeout(&self.db, rows).await {
                Ok(rows) => {
                    let events = rows.into_iter().map(StoredEvent::from).map(|event| (event.id, event));
                    return EventSubscribers(events.collect());
                }
                Err(error) => tracing::warn!(%error, "can't read the events' own subscribers, trying again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
