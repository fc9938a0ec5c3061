//! Shared by the unit tests of `thorn-core` and the integration tests.
//!
//! This crate doesn't use thorn, so that thorn's own tests can use it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod eventually;
mod place;
mod skip;
mod python;
mod node;

pub use eventually::{PATIENCE, eventually};
pub use node::node;
pub use place::{Place, is_mysql};
pub use python::python;
pub use skip::{full, missing, skipped};
