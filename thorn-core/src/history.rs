//! Looking back: what is waiting and what came of each delivery.

mod deliveries;
mod status;

pub use deliveries::{DeliveryRow, deliveries_of_event, deliveries_of_subscription};
pub use status::Status;
