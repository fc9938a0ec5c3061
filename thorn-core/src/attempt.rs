//! Attempts: the outcome of one HTTP request, the schedule of retries, and the state of a delivery.

mod hold;
mod hold_reason;
mod outcome;
mod pause;
mod retry;
mod spread;
mod state;

pub use hold::HoldPolicy;
pub(crate) use hold::{Sign, TOO_MANY_REQUESTS};
pub use hold_reason::HoldReason;
pub use outcome::{Attempt, Outcome, ParseOutcomeError};
pub(crate) use pause::PausePolicy;
pub use retry::RetryPolicy;
pub(crate) use spread::spread_pause;
pub use state::DeliveryState;
