//! What differs between databases, and must not be noticed.

mod deadlocks;
mod large;
mod migrating;
pub(crate) mod plans;
mod rights;
mod wakened;
