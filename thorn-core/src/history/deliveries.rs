//! Deliveries and their states.

use std::time::Duration;

use crate::{
    attempt::{DeliveryState, Outcome},
    id::{DeliveryId, EventId, SubscriptionId},
    record::Record,
    subscription::UNTIL_RESUMED,
    tables::delivery::Model,
    timestamp::Timestamp,
};

/// An event that was sent, with its deliveries; [`Thorn::send_now`](crate::Thorn::send_now) returns it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The event's id.
    pub id: EventId,
    /// Each delivery with the result of its attempt.
    pub deliveries: Vec<Delivery>,
}

/// One event's delivery to one subscription, with its latest attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The delivery's id, which the receiver sees as `webhook-id`.
    pub id: DeliveryId,
    /// The event that is delivered.
    pub event: EventId,
    /// The subscription that receives it.
    pub subscription: SubscriptionId,
    /// Its state; `None` if a newer release of thorn wrote a state that this one doesn't know.
    pub state: Option<DeliveryState>,
    /// The number of attempts so far.
    pub attempts: u32,
    /// When the next attempt is due; `None` if no attempt follows, or if the subscription is paused.
    pub next_attempt_at: Option<Timestamp>,
    /// When the latest attempt began.
    pub attempted_at: Option<Timestamp>,
    /// How long the latest attempt took.
    pub duration: Option<Duration>,
    /// How the latest attempt ended.
    pub outcome: Option<Outcome>,
    /// The HTTP status of the response.
    pub status: Option<u16>,
    /// The error of the latest attempt.
    pub error: Option<String>,
    /// The start of the response's body, at most [`Config::max_response_bytes`](crate::Config::max_response_bytes).
    pub response: Option<String>,
}

impl Delivery {
    /// A delivery that has no row, since nobody has attempted it yet.
    pub(super) fn unattempted(id: DeliveryId, event: EventId, subscription: SubscriptionId) -> Self {
        Self {
            id,
            event,
            subscription,
            state: Some(DeliveryState::Waiting),
            attempts: 0,
            next_attempt_at: None,
            attempted_at: None,
            duration: None,
            outcome: None,
            status: None,
            error: None,
            response: None,
        }
    }
}

impl From<Record> for Delivery {
    fn from(record: Record) -> Self {
        let attempt = record.attempt;
        Self {
            id: record.delivery,
            event: record.event,
            subscription: record.subscription,
            state: Some(record.state),
            attempts: record.attempts,
            next_attempt_at: record.next_attempt_at.filter(|at| *at < UNTIL_RESUMED),
            attempted_at: attempt.as_ref().map(|attempt| attempt.attempted_at),
            duration: attempt.as_ref().map(|attempt| attempt.duration),
            outcome: attempt.as_ref().map(|attempt| attempt.outcome),
            status: attempt.as_ref().and_then(|attempt| attempt.status),
            error: attempt.as_ref().map_or_else(|| record.note.map(str::to_owned), |attempt| attempt.error.clone()),
            response: attempt.and_then(|attempt| attempt.response),
        }
    }
}

impl From<Model> for Delivery {
    fn from(row: Model) -> Self {
        Self {
            id: DeliveryId::from_uuid(row.id),
            event: EventId::from_uuid(row.event_id),
            subscription: SubscriptionId::from_uuid(row.subscription_id),
            state: DeliveryState::from_stored(&row.state),
            attempts: u32::try_from(row.attempts).unwrap_or(0),
            next_attempt_at: row.next_attempt_at.map(Timestamp::from_millis).filter(|at| *at < UNTIL_RESUMED),
            attempted_at: row.attempted_at.map(Timestamp::from_millis),
            duration: row.duration_ms.and_then(|millis| u64::try_from(millis).ok()).map(Duration::from_millis),
            outcome: row.outcome.and_then(|word| word.parse().ok()),
            status: row.status_code.and_then(|status| u16::try_from(status).ok()),
            error: row.error,
            response: row.response,
        }
    }
}
