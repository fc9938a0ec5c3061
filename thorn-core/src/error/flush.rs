//! The error for buffered events that couldn't be written.

use std::fmt;

use super::Error;
use crate::rendered::RenderedEvent;

/// Buffered events couldn't be written to the outbox.
///
/// None of the events was written. [`outbox::write`](crate::outbox::write) can write them again.
#[derive(Debug)]
pub struct FlushError {
    /// The events, in the order in which they were sent.
    pub events: Vec<RenderedEvent>,
    /// The reason.
    pub source: Box<Error>,
}

impl fmt::Display for FlushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} buffered events couldn't be written: {}", self.events.len(), self.source)
    }
}

impl std::error::Error for FlushError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.source)
    }
}
