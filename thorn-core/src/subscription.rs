//! Subscriptions: who wants to hear of which events, and where.

mod content_type;
mod digest;
pub(crate) mod entity;
mod secret;

pub use content_type::{ContentType, ParseContentTypeError};
pub use digest::{Digest, ParseDigestError};
pub use secret::Secret;

/// placeholder
#[derive(Debug, thiserror::Error)]
#[error("p")]
pub struct ParsePatternError;
/// placeholder
#[derive(Debug, thiserror::Error)]
#[error("p")]
pub struct InvalidSubscription;
