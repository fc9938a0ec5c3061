//! Looking back: what is waiting and what came of each delivery.

mod deliveries;
mod status;

pub use self::deliveries::{DeliveryRow, deliveries_of_event, deliveries_of_subscription};
pub use self::status::Status;
