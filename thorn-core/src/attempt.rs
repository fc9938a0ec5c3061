//! Attempts: how one HTTP request ended, when a delivery is retried, and where a delivery stands.

mod outcome;
mod retry;
mod state;

pub use outcome::{Attempt, Outcome, ParseOutcomeError};
pub use retry::RetryPolicy;
pub use state::DeliveryState;
