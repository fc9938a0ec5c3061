//! Conditions for the deliveries of a subscription or an event that a test waits for.

use thorn::{attempt::DeliveryState, history::Delivery};

/// The first delivery has this state.
pub(crate) fn is(state: DeliveryState) -> impl Fn(&[Delivery]) -> bool {
    move |rows| rows.first().is_some_and(|row| row.state == Some(state))
}

pub(crate) fn is_dead(rows: &[Delivery]) -> bool {
    is(DeliveryState::Dead)(rows)
}

pub(crate) fn is_delivered(rows: &[Delivery]) -> bool {
    is(DeliveryState::Delivered)(rows)
}

/// There are so many deliveries, and all have arrived.
pub(crate) fn all_delivered(count: usize) -> impl Fn(&[Delivery]) -> bool {
    move |rows| rows.len() == count && rows.iter().all(|row| row.state == Some(DeliveryState::Delivered))
}
