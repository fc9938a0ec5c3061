//! One binary, one module per capability, each a real run.

mod app;
mod failures;
mod flow;
mod queue;
