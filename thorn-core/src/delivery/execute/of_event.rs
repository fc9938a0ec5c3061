//! Recipients that events brought themselves: read from the events' rows when a chunk is run.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::{Executor, PAUSE};
use crate::{
    db::within,
    fanout::Chunk,
    id::{EventId, SubscriptionId},
    outbox::{Stored, subscribers},
    tables::event::{Column, Entity, Model},
};

/// Events of a chunk with the subscribers that only their rows know.
#[derive(Default)]
pub(super) struct OwnSubscribers(HashMap<EventId, (Model, Vec<Stored>)>);

impl OwnSubscribers {
    /// The event's row and the subscriber, if they are still there.
    pub(super) fn get(&self, event: EventId, id: SubscriptionId) -> Option<(&Model, &Stored)> {
        let (row, stored) = self.0.get(&event)?;
        Some((row, stored.iter().find(|one| one.id() == id)?))
    }
}

impl Executor {
    /// Reads them once for the whole chunk, if some delivery goes to one.
    pub(super) async fn own_subscribers(&self, chunk: &Chunk) -> OwnSubscribers {
        let ids: Vec<_> = chunk
            .deliveries
            .iter()
            .filter(|delivery| delivery.own)
            .filter_map(|delivery| chunk.events.get(delivery.event))
            .map(|event| event.id.as_uuid())
            .collect();
        if ids.is_empty() {
            return OwnSubscribers::default();
        }
        loop {
            let rows = async { Ok(Entity::find().filter(Column::Id.is_in(ids.iter().copied())).all(&self.db).await?) };
            match within(&self.db, rows).await {
                Ok(rows) => {
                    let with_stored = |row: Model| {
                        let stored = subscribers(&row);
                        (EventId::from_uuid(row.id), (row, stored))
                    };
                    return OwnSubscribers(rows.into_iter().map(with_stored).collect());
                }
                Err(error) => tracing::warn!(%error, "can't read the events' own subscribers, trying again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
