//! One binary, one module per capability, each a real run.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod app;
mod flow;
mod hooks_api;
mod receiver;
