//! Thorn's tables as SeaORM entities.
#![allow(unreachable_pub, reason = "SeaORM's derives need public types, but the module is private")]

pub(crate) mod api_key;
pub(crate) mod cloud_event;
pub(crate) mod consumer;
pub(crate) mod delivery;
pub(crate) mod event;
pub(crate) mod event_type;
pub(crate) mod idempotency;
pub(crate) mod intent;
pub(crate) mod log;
pub(crate) mod payload;
pub(crate) mod row_change;
pub(crate) mod stream_session;
pub(crate) mod subscription;
pub(crate) mod topic;
pub(crate) mod webhook;
