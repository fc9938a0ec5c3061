//! All integration tests: one binary, one module per capability, each a real run.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod alone;
mod app;
mod backlog;
mod bad_input;
#[cfg(unix)]
mod blog;
mod building;
mod configured;
mod conformance;
mod databases;
mod dispatch;
mod docs;
mod elsewhere;
mod failures;
#[cfg(unix)]
mod faults;
mod filters;
mod flow;
mod hooks_api;
mod house;
mod isolation;
mod model;
mod observing;
mod operating;
mod options;
mod process;
mod program;
mod python;
mod queue;
mod receiver;
mod recipients;
mod retention;
mod servers;
mod ui;
