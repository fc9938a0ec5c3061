//! [`Webhook`] extractor for those who receive.
#![deny(missing_docs)]

mod body;
mod problem;
mod receiver;

pub use problem::{NON_FIELD_ERRORS, Problem};
pub use receiver::{Webhook, WebhookSecrets};
