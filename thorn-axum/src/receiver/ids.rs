//! The ids in the headers of a delivery.

use axum::http::HeaderMap;
use thorn_core::{DeliveryId, EventId, SubscriptionId};

use crate::http::text;

/// The ids in the headers of a delivery.
pub(super) struct Ids {
    pub(super) delivery: Option<String>,
    pub(super) event_id: Option<EventId>,
    pub(super) subscription: Option<SubscriptionId>,
}

impl Ids {
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let delivery = text(headers, "webhook-id").or(text(headers, "hook-delivery"));
        let subscription = text(headers, "hook-subscription").and_then(|id| id.parse().ok());
        let event_id = text(headers, "hook-event-id").and_then(|id| event_id(id, subscription?, delivery?));
        Self { delivery: delivery.map(str::to_owned), event_id, subscription }
    }
}

/// The event's id, if the delivery's id was derived from it. No signature covers the header alone.
fn event_id(id: &str, subscription: SubscriptionId, delivery: &str) -> Option<EventId> {
    let id: EventId = id.parse().ok()?;
    (delivery.parse() == Ok(DeliveryId::derive(id, subscription))).then_some(id)
}
