//! What differs between databases, and must not be noticed.



mod migrating;
mod plans;
