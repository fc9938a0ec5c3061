//! Buffered events that couldn't be written.

use std::fmt;

use super::Error;
use crate::rendered::RenderedEvent;

/// Events that couldn't be written. None of them was; they may be sent again with
/// [`outbox::write`](crate::outbox::write).
#[derive(Debug)]
pub struct FlushError {
    /// The events, in the order they were sent.
    pub events: Vec<RenderedEvent>,
    /// Why.
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
