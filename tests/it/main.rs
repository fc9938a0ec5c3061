//! All integration tests: one binary, one module per capability.

// Helpers outside of `#[test]` functions, which clippy.toml doesn't cover.
#![allow(clippy::expect_used, clippy::unwrap_used)]

mod model;
mod ui;
