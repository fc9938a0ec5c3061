//! All integration tests: one binary, one module per capability.

mod model;
mod ui;
