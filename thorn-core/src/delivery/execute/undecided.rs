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
    filter::Q,
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

/// The decisions of the filters of a chunk's deliveries, by the event's index and the subscription.
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
        let body = match (&event.raw, event.bodies.get(ContentType::Json)) {
            (Some(raw), _) => raw.bytes.clone(),
            // The attempt will say that the body is missing.
            (None, _) if event.is_raw => return Some(true),
            (None, Some(body)) => body.clone(),
            (None, None) => self.stored_body(event.id).await?,
        };
        let _permit = part.permit().await;
        let mut undecided = self.undecided(chunk, delivery, tenant, verdicts);
        undecided.insert(0, subscription);
        let (index, is_raw) = (delivery.event, event.is_raw);
        let decide = move || {
            let filters = undecided.iter().map(|one| one.spec.filter.as_ref());
            let decided = evaluate(filters, &body, is_raw, TURN);
            undecided.iter().map(|one| (index, one.id)).zip(decided).collect::<Vec<_>>()
        };
        match tokio::task::spawn_blocking(decide).await {
            Ok(decided) => {
                verdicts.known().extend(decided);
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

/// Reads the event once and evaluates the first filter, and those after it for which there is time in this turn.
fn evaluate<'a>(filters: impl Iterator<Item = Option<&'a Q>>, body: &[u8], is_raw: bool, turn: Duration) -> Vec<bool> {
    let began = Instant::now();
    let data = tested(body, is_raw);
    let (read, turn) = (Instant::now(), turn.max(began.elapsed()));
    let mut decided = Vec::new();
    for filter in filters {
        if !decided.is_empty() && read.elapsed() > turn {
            break;
        }
        decided.push(filter.is_none_or(|filter| data.as_ref().is_some_and(|data| filter.matches(data, None))));
    }
    decided
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A filter that reads the text a hundred times.
    fn costly(holds: bool) -> Q {
        let mut tests: Vec<_> = (1..100).map(|n| json!({ "text": { "contains": format!("aaaaaaaab{n}") } })).collect();
        tests.push(json!({ "text": { "contains": if holds { "a" } else { "c" } } }));
        Q::from_json(&json!({ "or": tests })).unwrap()
    }

    #[test]
    fn one_turn_decides_as_many_filters_as_there_is_time_for() {
        let expected: Vec<_> = (0..200).map(|n| n % 2 == 0).collect();
        let filters: Vec<_> = expected.iter().map(|holds| costly(*holds)).collect();
        let decide = |body: &str, is_raw, turn| evaluate(filters.iter().map(Some), body.as_bytes(), is_raw, turn);
        for (body, is_raw) in [(r#"{"text":"a"}"#, true), (r#"{"data":{"text":"a"}}"#, false)] {
            assert_eq!(decide(body, is_raw, Duration::MAX), expected, "the event is read once for all of them");
        }
        let long = json!({ "text": "a".repeat(250_000) }).to_string();
        let decided = decide(&long, true, Duration::ZERO);
        assert!((1..expected.len()).contains(&decided.len()), "{} filters in one turn", decided.len());
        assert_eq!(decided, expected[..decided.len()]);
        assert_eq!(evaluate([None, filters.first()].into_iter(), b"{", true, TURN), [true, false], "it can't be read");
    }
}
