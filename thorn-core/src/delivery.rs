//! Deliveries: one event on its way to one subscription.

mod outcome;
mod retry;

pub use outcome::{Attempt, Outcome};
pub use retry::RetryPolicy;

/// placeholder
#[derive(Debug, thiserror::Error)]
#[error("p")]
pub struct SignatureError;
/// placeholder
#[derive(Debug, thiserror::Error)]
#[error("p")]
pub struct TargetError;
