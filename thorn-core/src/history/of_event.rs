//! The deliveries of one event that a caller may see.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait,
    prelude::Uuid,
};

use super::{
    deliveries::Delivery,
    events::{not_found, seen_by},
};
use crate::{
    error::Error,
    id::{DeliveryId, EventId},
    outbox::StoredEvent,
    subscription::Access,
    tables::{
        delivery::{Column, Entity},
        event, subscription,
    },
};

/// A delivery with the URL that it goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDelivery {
    /// The delivery.
    pub delivery: Delivery,
    /// The URL. `None` if its subscription was purged or isn't in thorn's table.
    pub url: Option<String>,
}

/// The event, if the caller may see it.
pub(crate) async fn visible_event<C: ConnectionTrait>(
    db: &C,
    access: Access<'_>,
    id: EventId,
) -> Result<StoredEvent, Error> {
    let row = event::Entity::find_by_id(id.as_uuid()).filter(seen_by(access)).one(db).await?;
    row.map(StoredEvent::from).ok_or_else(|| not_found(id))
}

/// The event's deliveries that the caller may see. An owner sees those to their own subscriptions, and to recipients
/// that the event itself named.
pub(crate) fn visible_deliveries(access: Access<'_>, event: &StoredEvent) -> Condition {
    let of_event = Condition::all().add(Column::EventId.eq(event.id.as_uuid()));
    let Some(owner) = access.owner_id() else { return of_event };
    let own = subscription::Entity::find()
        .select_only()
        .column(subscription::Column::Id)
        .filter(subscription::Column::Owner.eq(owner))
        .into_query();
    let brought: Vec<Uuid> = event.subscribers.iter().map(|one| one.id().as_uuid()).collect();
    let mut seen = Condition::any().add(Column::SubscriptionId.in_subquery(own));
    if !brought.is_empty() {
        seen = seen.add(Column::SubscriptionId.is_in(brought));
    }
    of_event.add(seen)
}

/// A page of deliveries, by their ids.
pub(super) async fn page<C: ConnectionTrait>(
    db: &C,
    access: Access<'_>,
    event: EventId,
    after: Option<DeliveryId>,
    limit: u64,
) -> Result<Vec<EventDelivery>, Error> {
    let event = visible_event(db, access, event).await?;
    let mut rows = Entity::find().filter(visible_deliveries(access, &event)).order_by_asc(Column::Id);
    if let Some(after) = after {
        rows = rows.filter(Column::Id.gt(after.as_uuid()));
    }
    let rows = rows.limit(limit.min(i64::MAX.unsigned_abs())).all(db).await?;
    let mut urls = urls(db, rows.iter().map(|row| row.subscription_id)).await?;
    urls.extend(event.subscribers.iter().map(|one| (one.id().as_uuid(), one.url().to_owned())));
    let with_url = |delivery: Delivery| EventDelivery {
        url: urls.get(&delivery.subscription.as_uuid()).filter(|url| !url.is_empty()).cloned(),
        delivery,
    };
    Ok(rows.into_iter().map(|row| with_url(row.into())).collect())
}

async fn urls<C: ConnectionTrait>(db: &C, ids: impl Iterator<Item = Uuid>) -> Result<HashMap<Uuid, String>, Error> {
    let rows = subscription::Entity::find()
        .select_only()
        .columns([subscription::Column::Id, subscription::Column::Url])
        .filter(subscription::Column::Id.is_in(ids));
    Ok(rows.into_tuple::<(Uuid, String)>().all(db).await?.into_iter().collect())
}
