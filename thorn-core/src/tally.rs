//! The sums of attempts: how many each subscription had in each quarter of an hour, how they ended, and how long they
//! took.
//!
//! The recorder adds each attempt to sums in memory and writes them every ten seconds, so no delivery pays for a
//! statement of its own. `thorn_tally` has a row for each subscription and quarter of an hour, which later become
//! rows for whole hours, and a row for each minute of all subscriptions together.

mod bucket;
mod latencies;
mod retention;
mod sums;
mod columns;
mod read;
mod upsert;
mod pending;
#[cfg(all(test, feature = "sqlite"))]
mod tests;

pub(crate) use bucket::{FINE_FOR, HOUR, QUARTER, start_of};
pub(crate) use pending::Tally;
pub(crate) use read::{Tallied, latest_failure, latest_success, tallies};
pub(crate) use retention::retain;
pub(crate) use sums::Sums;
