//! The stand-alone server as a process, asked over HTTP. Row ids are those of the reference of the event engine.

mod access;
mod browser;
mod cloud_events;
mod consumer;
pub(crate) mod dispatch;
mod events;
mod guide;
mod hooks_app;
mod http2;
mod idempotency;
mod image;
mod keys;
mod limits;
mod openapi;
mod pages;
mod proxied;
mod resending;
pub(crate) mod server;
mod stalled;
mod stream_clients;
mod stream_sessions;
mod streams;
mod starting;
mod two_servers;
mod verify;
