//! What differs between databases, and must not be noticed.

mod migrating;
pub(crate) mod plans;
