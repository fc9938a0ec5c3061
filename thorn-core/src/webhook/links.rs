//! The links of a webhook with events, and their subscriptions.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

use super::secret;
use crate::{
    catalogue::EventType,
    error::Error,
    id::SubscriptionId,
    pattern::Pattern,
    spec::{derived, source_of_webhook},
    subscription::{Link, LinkedWebhook, Subscriptions, Write},
    tables::webhook::{
        Model,
        link::{ActiveModel, Column, Entity},
    },
};

/// Rows of one INSERT.
const ROWS_PER_STATEMENT: usize = 500;

/// The ids of the event types that a webhook is linked with, in ascending order.
pub(super) async fn events_of<C: ConnectionTrait>(db: &C, webhook: i64) -> Result<Vec<i64>, Error> {
    Ok(events_of_all(db, &[webhook]).await?.into_iter().map(|(_, event)| event).collect())
}

/// The links of these webhooks: pairs of a webhook and an event type, in ascending order.
pub(super) async fn events_of_all<C: ConnectionTrait>(db: &C, webhooks: &[i64]) -> Result<Vec<(i64, i64)>, Error> {
    let rows = Entity::find().filter(Column::WebhookId.is_in(webhooks.iter().copied()));
    let rows = rows.order_by_asc(Column::WebhookId).order_by_asc(Column::EventTypeId).all(db).await?;
    Ok(rows.into_iter().map(|row| (row.webhook_id, row.event_type_id)).collect())
}

/// The ids of the webhooks that are linked with an event type.
pub(super) async fn webhooks_of<C: ConnectionTrait>(db: &C, event: i64) -> Result<Vec<i64>, Error> {
    let ids = Entity::find().select_only().column(Column::WebhookId).filter(Column::EventTypeId.eq(event));
    Ok(ids.order_by_asc(Column::WebhookId).into_tuple().all(db).await?)
}

/// Links a webhook with these events, and with no others. Links that stay keep their subscription.
pub(super) async fn replace(
    subscriptions: &Subscriptions,
    write: &mut Write,
    webhook: &Model,
    events: &[EventType],
) -> Result<(), Error> {
    let before = events_of(&write.transaction, webhook.id).await?;
    let gone: Vec<_> = before.iter().copied().filter(|id| events.iter().all(|event| event.id != *id)).collect();
    end(subscriptions, write, webhook.id, &gone).await?;
    let new = events.iter().filter(|event| before.binary_search(&event.id).is_err());
    let row = |event: &EventType| ActiveModel { webhook_id: Set(webhook.id), event_type_id: Set(event.id) };
    let new: Vec<_> = new.map(row).collect();
    for rows in new.chunks(ROWS_PER_STATEMENT) {
        Entity::insert_many(rows.to_vec()).exec_without_returning(&write.transaction).await?;
    }
    connect(subscriptions, write, webhook, events).await
}

/// Gives the subscriptions of these links what the webhook and the event types say.
pub(super) async fn connect(
    subscriptions: &Subscriptions,
    write: &mut Write,
    webhook: &Model,
    events: &[EventType],
) -> Result<(), Error> {
    if events.is_empty() {
        return Ok(());
    }
    let link = |event: &EventType| {
        let pattern = Pattern::parse(&event.name)?;
        Ok(Link { id: subscription_of(webhook.id, event.id), pattern })
    };
    let links = events.iter().map(link).collect::<Result<_, Error>>()?;
    let (source, secret) = (source_of_webhook(webhook.id), secret::read(webhook, subscriptions.key.as_ref())?);
    let owner = Some(webhook.owner.as_str()).filter(|owner| !owner.is_empty());
    let linked = LinkedWebhook { source: &source, owner, url: &webhook.url, secret: &secret };
    subscriptions.link(write, linked, links).await
}

/// Ends a webhook's links with these events, and their subscriptions.
pub(super) async fn end(
    subscriptions: &Subscriptions,
    write: &mut Write,
    webhook: i64,
    events: &[i64],
) -> Result<(), Error> {
    for events in events.chunks(ROWS_PER_STATEMENT) {
        let these = Condition::all().add(Column::WebhookId.eq(webhook));
        let these = these.add(Column::EventTypeId.is_in(events.iter().copied()));
        Entity::delete_many().filter(these).exec(&write.transaction).await?;
    }
    let ids = events.iter().map(|event| subscription_of(webhook, *event)).collect();
    subscriptions.unlink(write, ids).await
}

/// The id of a link's subscription. It stays the same whatever URL and names become.
fn subscription_of(webhook: i64, event: i64) -> SubscriptionId {
    derived("webhook's link", &[&webhook.to_string(), &event.to_string()])
}
