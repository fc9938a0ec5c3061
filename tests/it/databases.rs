//! Differences between databases that an application must not notice.

mod deadlocks;
#[cfg(all(unix, feature = "postgres", feature = "mysql"))]
mod encrypted;
mod large;
mod migrating;
pub(crate) mod plans;
mod rights;
mod wakened;
