//! Differences between databases that an application must not notice.

mod deadlocks;
mod large;
mod migrating;
pub(crate) mod plans;
mod rights;
mod wakened;
