//! The JSON of events and deliveries.

use serde::Serialize;
use serde_json::value::RawValue;
use thorn_core::{
    DeliveryId, EventId, SubscriptionId,
    history::{EventDelivery, EventSummary},
    timestamp::Timestamp,
};

/// An event in a list.
#[derive(Serialize)]
pub(super) struct Summary<'a> {
    id: EventId,
    event: &'a str,
    sender: Option<&'a str>,
    broadcast: bool,
    created_at: Timestamp,
    relayed_at: Option<Timestamp>,
    /// The deliveries to the recipients that one of thorn's own events brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<Vec<DeliveryOf<'a>>>,
}

impl<'a> Summary<'a> {
    pub(super) fn with_targets(self, targets: Option<Vec<DeliveryOf<'a>>>) -> Self {
        Self { targets, ..self }
    }

    pub(super) fn new(event: &'a EventSummary) -> Self {
        Self {
            id: event.id,
            event: &event.name,
            sender: event.sender.as_deref(),
            broadcast: event.broadcast,
            created_at: event.created_at,
            relayed_at: event.relayed_at,
            targets: None,
        }
    }
}

/// An event with its body.
#[derive(Serialize)]
pub(super) struct Whole<'a> {
    #[serde(flatten)]
    pub(super) summary: Summary<'a>,
    /// `None` for a raw event, whose bytes are a resource of their own.
    pub(super) body: Option<&'a RawValue>,
}

/// A delivery. The receiver's response isn't shown.
#[derive(Serialize)]
pub(super) struct DeliveryOf<'a> {
    id: DeliveryId,
    subscription: SubscriptionId,
    url: Option<&'a str>,
    state: Option<&'static str>,
    attempts: u32,
    next_attempt_at: Option<Timestamp>,
    attempted_at: Option<Timestamp>,
    duration_ms: Option<u128>,
    outcome: Option<&'static str>,
    status: Option<u16>,
    /// Shown to operators only, because it may name internal addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

impl<'a> DeliveryOf<'a> {
    pub(super) fn new(EventDelivery { delivery, url }: &'a EventDelivery, is_operator: bool) -> Self {
        Self {
            id: delivery.id,
            subscription: delivery.subscription,
            url: url.as_deref(),
            state: delivery.state.map(|state| state.as_str()),
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at,
            attempted_at: delivery.attempted_at,
            duration_ms: delivery.duration.map(|duration| duration.as_millis()),
            outcome: delivery.outcome.map(|outcome| outcome.as_str()),
            status: delivery.status,
            error: delivery.error.as_deref().filter(|_| is_operator),
        }
    }
}
