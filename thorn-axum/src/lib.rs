//! HTTP pieces of [thorn](https://docs.rs/thorn) for axum: the router of the [`hooks`] API, and the
//! [`Webhook`] extractor for those who receive.
#![deny(missing_docs)]

mod body;
mod hooks;
mod problem;
mod receiver;

pub use hooks::{HookOwner, Hooks, Unauthenticated, hooks};
pub use problem::{NON_FIELD_ERRORS, Problem};
pub use receiver::{Webhook, WebhookSecrets};
