//! The HTTP side of [thorn](https://docs.rs/thorn-webhooks) for axum: the routers of the [`hooks`] API and of [`streams`],
//! and the [`Webhook`] extractor for applications that receive webhooks.
//!
//! Most applications use this crate through `thorn`, which re-exports it.
//!
//! Each module may use the ones above it: `http` (pieces that every resource uses), `receiver`, `hooks`, `streams`, `engine`
//! (the stand-alone server).
#![deny(missing_docs)]

mod http;
mod receiver;
mod hooks;
mod streams;
#[cfg(feature = "engine")]
mod engine;

#[cfg(feature = "engine")]
pub use engine::engine;
pub use hooks::{Hooks, hooks};
pub use http::{Caller, Problem, Unauthenticated};
pub use receiver::{InvalidSecret, RawWebhook, Webhook, WebhookSecrets};
pub use streams::{Streams, end_stalled_connections, streams};
