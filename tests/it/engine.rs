//! The stand-alone server as a process, asked over HTTP. Row ids are those of the reference of the event engine.

mod access;
mod browser;
mod consumer;
pub(crate) mod dispatch;
mod events;
mod guide;
mod hooks_app;
mod idempotency;
mod keys;
mod limits;
mod pages;
mod proxied;
mod resending;
pub(crate) mod server;
mod stalled;
mod stream_sessions;
mod streams;
mod starting;
mod verify;
