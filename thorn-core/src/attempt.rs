//! Attempts: the outcome of one HTTP request, the schedule of retries, and the state of a delivery.

mod outcome;
mod retry;
mod state;

pub use outcome::{Attempt, Outcome, ParseOutcomeError};
pub use retry::RetryPolicy;
pub use state::DeliveryState;
