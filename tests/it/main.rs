//! All integration tests: one binary, one module per capability, each a real run.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod advisories;
mod alone;
mod app;
mod backlog;
mod bad_input;
#[cfg(unix)]
mod blog;
#[cfg(unix)]
mod broken_log;
mod building;
mod configured;
mod confirming;
mod conformance;
mod databases;
mod dispatch;
mod docs;
mod elsewhere;
#[cfg(unix)]
mod engine;
mod failures;
mod fairness;
#[cfg(unix)]
mod faults;
mod filters;
mod flow;
mod holds;
mod hooks_api;
mod house;
#[cfg(unix)]
mod hub;
mod in_flight;
mod isolation;
mod model;
mod observing;
mod operating;
mod options;
#[cfg(all(unix, feature = "postgres"))]
mod pooled;
mod pauses;
mod process;
mod program;
mod python;
mod quiet;
mod quotas;
mod queue;
mod raw;
mod realworld;
mod rates;
mod receiver;
mod recipients;
mod retention;
mod servers;
mod stats;
mod streams;
mod too_many;
mod ui;
mod warnings;
mod watch;
