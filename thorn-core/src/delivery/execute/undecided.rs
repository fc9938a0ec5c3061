//! Evaluates filters that were too much work for the fan-out.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use sea_orm::EntityTrait;

use super::executor::Executor;
use crate::{
    error::Error,
    fanout::{Chunk, ChunkDelivery, tested},
    id::{EventId, SubscriptionId},
    spec::ContentType,
    subscription::Subscription,
    tables::event,
    tenant::{Shares, Tenant},
};

/// Large filters take turns, so that they never take more than one core from everything else. Tenants alternate.
static TURNS: LazyLock<Shares> = LazyLock::new(|| Shares::new(1, 1));

/// How long one turn evaluates filters, if reading the event takes less time. Then reading takes at most half of the time,
/// and only the events of one turn take memory.
const TURN: Duration = Duration::from_millis(20);

/// What the filters of a chunk's deliveries have said, by the event's index and the subscription.
#[derive(Debug, Default)]
pub(super) struct Verdicts(Mutex<HashMap<(usize, SubscriptionId), bool>>);

impl Verdicts {
    fn of(&self, delivery: &ChunkDelivery) -> Option<bool> {
        self.known().get(&(delivery.event, delivery.subscription)).copied()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(usize, SubscriptionId), bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Executor {
    /// Whether the subscription's filter lets the event through. `None` if this can't be found out now.
    ///
    /// Then the delivery must not become a row, because a due row is sent without another look at the filter. The
    /// reconciler enqueues the delivery again.
    pub(super) async fn lets_through(
        &self,
        chunk: &Chunk,
        delivery: &ChunkDelivery,
        verdicts: &Verdicts,
    ) -> Option<bool> {
        let event = chunk.events.get(delivery.event)?;
        if self.registry.is_unreadable(delivery.subscription) {
            return None;
        }
        // A subscription that was deleted meanwhile is cancelled later.
        let Some(subscription) = self.registry.get(delivery.subscription) else { return Some(true) };
        let tenant = Tenant::of(subscription.owner.as_deref());
        let part = TURNS.part(Some(tenant)).await;
        // Another delivery's turn may have decided this one, too.
        if let Some(verdict) = verdicts.of(delivery) {
            return Some(verdict);
        }
        let body = match (&event.raw, event.bodies.sent(ContentType::Json)) {
            (Some(raw), _) => raw.bytes.clone(),
            // The attempt will say that the body is missing.
            (None, _) if event.is_raw => return Some(true),
            (None, Some(body)) => body,
            (None, None) => self.stored_body(event.id).await?,
        };
        let _permit = part.permit().await;
        let mut undecided = self.undecided(chunk, delivery, tenant, verdicts);
        undecided.insert(0, subscription);
        let is_raw = event.is_raw;
        match tokio::task::spawn_blocking(move || evaluate(&undecided, &body, is_raw)).await {
            Ok(decided) => {
                verdicts.known().extend(decided.into_iter().map(|(id, passes)| ((delivery.event, id), passes)));
                verdicts.of(delivery)
            }
            Err(error) => {
                tracing::error!(event.id = %event.id, subscription.id = %delivery.subscription, %error, "can't evaluate the filter");
                None
            }
        }
    }

    /// The tenant's other subscriptions in the chunk whose filters for the event of this delivery are undecided.
    fn undecided(
        &self,
        chunk: &Chunk,
        delivery: &ChunkDelivery,
        tenant: Tenant,
        verdicts: &Verdicts,
    ) -> Vec<Arc<Subscription>> {
        let is_other = |one: &&ChunkDelivery| {
            one.undecided && one.event == delivery.event && one.subscription != delivery.subscription
        };
        let others = chunk.deliveries.iter().filter(is_other).filter(|one| verdicts.of(one).is_none());
        let readable = others.filter(|one| !self.registry.is_unreadable(one.subscription));
        let subscriptions = readable.filter_map(|one| self.registry.get(one.subscription));
        subscriptions.filter(|one| Tenant::of(one.owner.as_deref()) == tenant).collect()
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

/// Reads the event once and evaluates the filter of the first subscription, and of those after it for which there is time.
fn evaluate(subscriptions: &[Arc<Subscription>], body: &[u8], is_raw: bool) -> Vec<(SubscriptionId, bool)> {
    let began = Instant::now();
    let data = tested(body, is_raw);
    let (read, turn) = (Instant::now(), TURN.max(began.elapsed()));
    let mut decided = Vec::new();
    for subscription in subscriptions {
        if !decided.is_empty() && read.elapsed() > turn {
            break;
        }
        let filter = subscription.spec.filter.as_ref();
        let passes = filter.is_none_or(|filter| data.as_ref().is_some_and(|data| filter.matches(data, None)));
        decided.push((subscription.id, passes));
    }
    decided
}
