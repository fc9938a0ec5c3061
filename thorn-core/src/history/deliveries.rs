//! What came of deliveries.

use std::time::Duration;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::{
    attempt::{DeliveryState, Outcome},
    error::Error,
    id::{DeliveryId, EventId, SubscriptionId},
    record::Record,
    tables::delivery::{Column, Entity, Model},
    timestamp::Timestamp,
};

/// A delivery with its latest attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryRow {
    /// The delivery's id, which the receiver saw.
    pub id: DeliveryId,
    /// The event that was delivered.
    pub event: EventId,
    /// To whom.
    pub subscription: SubscriptionId,
    /// Where it stands.
    pub state: Option<DeliveryState>,
    /// Attempts made.
    pub attempts: u32,
    /// When it is tried again, if it waits.
    pub next_attempt_at: Option<Timestamp>,
    /// When the latest attempt began.
    pub attempted_at: Option<Timestamp>,
    /// How long it took.
    pub duration: Option<Duration>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Status of the response.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
    /// The start of the response's body.
    pub response: Option<String>,
}

/// Deliveries of one event, in no particular order.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn deliveries_of_event<C: ConnectionTrait>(db: &C, event: EventId) -> Result<Vec<DeliveryRow>, Error> {
    let rows = Entity::find().filter(Column::EventId.eq(event.as_uuid())).all(db).await?;
    Ok(rows.into_iter().map(DeliveryRow::from).collect())
}

/// The newest deliveries to one subscription, newest first.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn deliveries_of_subscription<C: ConnectionTrait>(
    db: &C,
    subscription: SubscriptionId,
    limit: u64,
) -> Result<Vec<DeliveryRow>, Error> {
    let rows = Entity::find()
        .filter(Column::SubscriptionId.eq(subscription.as_uuid()))
        .order_by_desc(Column::CreatedAt)
        .limit(limit)
        .all(db)
        .await?;
    Ok(rows.into_iter().map(DeliveryRow::from).collect())
}

/// What was just recorded.
impl From<Record> for DeliveryRow {
    fn from(record: Record) -> Self {
        let attempt = record.attempt;
        Self {
            id: record.delivery,
            event: record.event,
            subscription: record.subscription,
            state: Some(record.state),
            attempts: record.attempts,
            next_attempt_at: record.next_attempt_at,
            attempted_at: attempt.as_ref().map(|attempt| attempt.attempted_at),
            duration: attempt.as_ref().map(|attempt| attempt.duration),
            outcome: attempt.as_ref().map(|attempt| attempt.outcome),
            status: attempt.as_ref().and_then(|attempt| attempt.status),
            error: attempt.as_ref().map_or_else(|| record.note.map(str::to_owned), |attempt| attempt.error.clone()),
            response: attempt.and_then(|attempt| attempt.response),
        }
    }
}

impl From<Model> for DeliveryRow {
    fn from(row: Model) -> Self {
        Self {
            id: DeliveryId::from_uuid(row.id),
            event: EventId::from_uuid(row.event_id),
            subscription: SubscriptionId::from_uuid(row.subscription_id),
            state: DeliveryState::from_stored(&row.state),
            attempts: u32::try_from(row.attempts).unwrap_or(0),
            next_attempt_at: row.next_attempt_at.map(Timestamp::from_millis),
            attempted_at: row.attempted_at.map(Timestamp::from_millis),
            duration: row.duration_ms.and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis),
            outcome: row.outcome.and_then(|word| word.parse().ok()),
            status: row.status_code.and_then(|status| u16::try_from(status).ok()),
            error: row.error,
            response: row.response,
        }
    }
}
