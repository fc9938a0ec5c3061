//! Sends deliveries again that have ended: the same delivery, with the same id, makes another attempt.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, sea_query::Expr,
};

use crate::{
    attempt::DeliveryState,
    error::{Error, ResendRefused},
    history::{visible_deliveries, visible_event},
    id::{DeliveryId, EventId},
    outbox::StoredEvent,
    process,
    subscription::Access,
    tables::{
        delivery::{Column, Entity, Model},
        event,
    },
    timestamp::Timestamp,
};

/// Deliveries that one call sends again at most. It locks their rows until the commit.
pub const MOST: usize = 1_000;

/// Makes the deliveries of an event due again in this transaction: all that the caller may see, or one of them.
///
/// A delivery keeps its id and counts its attempts on. Its retries begin anew. One whose subscription is disabled or
/// deleted ends as cancelled. Returns the deliveries.
///
/// # Errors
///
/// [`Error::NotFound`] if the caller may not see the event or the delivery; [`Error::Resend`] if a delivery is under way,
/// or if the event has more than [`MOST`]; [`Error::Database`].
///
/// # Examples
///
/// ```
/// # async fn example(thorn: thorn_core::Thorn, event: thorn_core::EventId) -> Result<(), thorn_core::Error> {
/// use thorn_core::{resend::resend, subscription::Access};
///
/// let deliveries = thorn.transaction(async |txn| resend(txn, Access::Operator, event, None).await).await?;
/// println!("{} deliveries are sent again", deliveries.len());
/// # Ok(())
/// # }
/// ```
pub async fn resend(
    txn: &DatabaseTransaction,
    access: Access<'_>,
    event: EventId,
    delivery: Option<DeliveryId>,
) -> Result<Vec<DeliveryId>, Error> {
    let event = visible_event(txn, access, event).await?;
    let mut rows = Entity::find().filter(visible_deliveries(access, &event)).order_by_asc(Column::Id);
    if let Some(delivery) = delivery {
        rows = rows.filter(Column::Id.eq(delivery.as_uuid()));
    }
    let rows = rows.limit(MOST as u64 + 1).all(txn).await?;
    match delivery {
        Some(delivery) if rows.is_empty() => {
            return Err(Error::NotFound { what: "delivery", id: delivery.to_string() });
        }
        None if rows.len() > MOST => return Err(ResendRefused::TooMany { event: event.id }.into()),
        None if is_under_way(txn, &event).await? => return Err(ResendRefused::EventUnderWay { event: event.id }.into()),
        _ => {}
    }
    let waits = |row: &&Model| row.state == DeliveryState::Waiting.as_str();
    if let Some(row) = rows.iter().find(waits) {
        return Err(ResendRefused::UnderWay { delivery: DeliveryId::from_uuid(row.id) }.into());
    }
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    if let Some(first) = ids.first() {
        let sent = Entity::update_many()
            .col_expr(Column::State, Expr::value(DeliveryState::Waiting.as_str()))
            .col_expr(Column::NextAttemptAt, Expr::value(Timestamp::now().as_millis()))
            // The schedule of retries counts none of the attempts so far.
            .col_expr(Column::Uncounted, Expr::col(Column::Attempts))
            .filter(Column::Id.is_in(ids.iter().copied()))
            .filter(Column::State.ne(DeliveryState::Waiting.as_str()))
            .exec(txn)
            .await?;
        if sent.rows_affected != ids.len() as u64 {
            // Another call was first.
            return Err(ResendRefused::UnderWay { delivery: DeliveryId::from_uuid(*first) }.into());
        }
        process::notify();
    }
    Ok(ids.into_iter().map(DeliveryId::from_uuid).collect())
}

/// Whether some first attempts aren't recorded yet, or the event isn't fanned out.
async fn is_under_way<C: ConnectionTrait>(db: &C, event: &StoredEvent) -> Result<bool, Error> {
    if event.relayed_at.is_some() && event.audit_at.is_none() {
        return Ok(false);
    }
    let fanout: Option<Option<i32>> = event::Entity::find_by_id(event.id.as_uuid())
        .select_only()
        .column(event::Column::Fanout)
        .into_tuple()
        .one(db)
        .await?;
    let Some(fanout) = fanout.flatten().and_then(|fanout| u64::try_from(fanout).ok()) else { return Ok(true) };
    Ok(Entity::find().filter(Column::EventId.eq(event.id.as_uuid())).count(db).await? < fanout)
}
