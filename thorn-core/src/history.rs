//! What is waiting, and what became of each delivery.

mod deliveries;
mod status;

pub use self::deliveries::{Delivery, History};
pub use self::status::Status;
