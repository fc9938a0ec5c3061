//! Events and deliveries that are waiting, and the outcome of each delivery.

mod deliveries;
mod status;

pub use self::deliveries::{Delivery, History, Sent};
pub use self::status::Status;
