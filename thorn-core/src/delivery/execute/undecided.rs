//! Evaluates filters that were too much work for the fan-out.

use bytes::Bytes;
use sea_orm::EntityTrait;
use tokio::sync::Semaphore;

use super::executor::Executor;
use crate::{
    error::Error,
    fanout::{ChunkDelivery, ChunkEvent, passes, passes_raw},
    id::EventId,
    spec::ContentType,
    tables::event,
};

/// Large filters take turns, so that they never take more than one core from everything else.
static TURN: Semaphore = Semaphore::const_new(1);

impl Executor {
    /// Whether the subscription's filter lets the event through. `None` if this can't be found out now.
    ///
    /// Then the delivery must not become a row, because a due row is sent without another look at the filter. The
    /// reconciler enqueues the delivery again.
    pub(super) async fn lets_through(&self, event: &ChunkEvent, delivery: &ChunkDelivery) -> Option<bool> {
        if self.registry.is_unreadable(delivery.subscription) {
            return None;
        }
        // A subscription that was deleted meanwhile is cancelled later.
        let Some(subscription) = self.registry.get(delivery.subscription) else { return Some(true) };
        let body = match (&event.raw, event.bodies.sent(ContentType::Json)) {
            (Some(raw), _) => raw.bytes.clone(),
            // The attempt will say that the body is missing.
            (None, _) if event.is_raw => return Some(true),
            (None, Some(body)) => body,
            (None, None) => self.stored_body(event.id).await?,
        };
        let passes = if event.is_raw { passes_raw } else { passes };
        let _turn = TURN.acquire().await.ok()?;
        let evaluate = move || subscription.spec.filter.as_ref().is_none_or(|filter| passes(filter, &body));
        match tokio::task::spawn_blocking(evaluate).await {
            Ok(passes) => Some(passes),
            Err(error) => {
                tracing::error!(event.id = %event.id, subscription.id = %delivery.subscription, %error, "can't evaluate the filter");
                None
            }
        }
    }

    async fn stored_body(&self, id: EventId) -> Option<Bytes> {
        let row = event::Entity::find_by_id(id.as_uuid()).one(&self.db).await.map_err(Error::from);
        match row {
            Ok(row) => row.map(|row| row.body.into()),
            Err(error) => {
                tracing::warn!(event.id = %id, %error, "can't read the event for a filter");
                None
            }
        }
    }
}
