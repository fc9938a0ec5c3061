//! Reads events and deliveries back.

use std::collections::{HashMap, HashSet};

use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::{
    deliveries::Delivery,
    events::{self, EventBody, EventPage, EventQuery, EventSummary},
    first_response::{self, FirstResponse},
    of_event::{self, EventDelivery},
    targets,
};
use crate::{
    error::Error,
    id::{DeliveryId, EventId, SubscriptionId},
    subscription::Access,
    tables::delivery::{Column, Entity},
};

/// Reads past and waiting deliveries; [`Thorn::history`](crate::Thorn::history) returns it.
///
/// # Examples
///
/// ```
/// # async fn example(thorn: thorn_core::Thorn, id: thorn_core::EventId) -> Result<(), thorn_core::Error> {
/// for delivery in thorn.history().of_event(id).await? {
///     println!("{}: {:?} after {} attempts", delivery.id, delivery.state, delivery.attempts);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    db: &'a DatabaseConnection,
}

impl<'a> History<'a> {
    pub(crate) const fn new(db: &'a DatabaseConnection) -> Self {
        Self { db }
    }

    /// The deliveries of one event, in no particular order.
    ///
    /// A delivery appears here once its first attempt was made, or once it has to wait for it.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn of_event(self, event: EventId) -> Result<Vec<Delivery>, Error> {
        let rows = Entity::find().filter(Column::EventId.eq(event.as_uuid())).all(self.db).await?;
        Ok(rows.into_iter().map(Delivery::from).collect())
    }

    /// The newest deliveries to one subscription, newest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn of_subscription(self, subscription: SubscriptionId, limit: u64) -> Result<Vec<Delivery>, Error> {
        let rows = Entity::find()
            .filter(Column::SubscriptionId.eq(subscription.as_uuid()))
            .order_by_desc(Column::CreatedAt)
            .limit(limit)
            .all(self.db)
            .await?;
        Ok(rows.into_iter().map(Delivery::from).collect())
    }

    /// A page of the events that the caller may see, from the newest to the oldest. An owner sees those that they sent.
    ///
    /// A page of one owner or name looks at 10,000 events. It may have fewer than its limit, or none, and a next page.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn events(self, access: Access<'_>, query: &EventQuery) -> Result<EventPage, Error> {
        events::page(self.db, access, query).await
    }

    /// One event, without its body.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the caller may not see it; [`Error::Database`].
    pub async fn event(self, access: Access<'_>, id: EventId) -> Result<EventSummary, Error> {
        events::summary(self.db, access, id).await
    }

    /// The body of an event, byte for byte.
    ///
    /// # Errors
    ///
    /// As [`event`](Self::event).
    pub async fn body(self, access: Access<'_>, id: EventId) -> Result<EventBody, Error> {
        events::body(self.db, access, id).await
    }

    /// The deliveries of an event that the caller may see, by their ids: at most `limit` after `after`. An owner sees
    /// those to their own subscriptions and to recipients that the event named.
    ///
    /// # Errors
    ///
    /// As [`event`](Self::event).
    pub async fn deliveries(
        self,
        access: Access<'_>,
        event: EventId,
        after: Option<DeliveryId>,
        limit: u64,
    ) -> Result<Vec<EventDelivery>, Error> {
        of_event::page(self.db, access, event, after, limit).await
    }

    /// The deliveries of listed events to the recipients that these brought, by event: of `dispatch.request`,
    /// `dispatch.failed` and `dispatch.response`. Other events may have any number of deliveries and aren't there.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn targets(self, events: &[EventSummary]) -> Result<HashMap<EventId, Vec<EventDelivery>>, Error> {
        targets::targets(self.db, events).await
    }

    /// Those of these deliveries that were attempted, with the first attempt recorded.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn attempted(self, deliveries: &[DeliveryId]) -> Result<HashSet<DeliveryId>, Error> {
        first_response::attempted(self.db, deliveries).await
    }

    /// The response to the first attempt of a delivery of an event that
    /// [keeps it](crate::event::Event::keep_first_response). `None` if there was no complete one, or none yet.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn first_response(self, event: EventId, delivery: DeliveryId) -> Result<Option<FirstResponse>, Error> {
        first_response::first_response(self.db, event, delivery).await
    }
}
