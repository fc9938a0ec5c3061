//! Everything that needs more than one module of thorn: one binary, one module per capability.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod hooks_api;
mod receiver;
