//! The database: connections, transactions, and SQL that runs on every database.

mod batches;
mod connect;
mod reuse;
mod statement;
mod timeout;
pub(crate) mod transaction;

pub(crate) use batches::{MAX_BOUND_VALUES, MAX_BYTES, batches};
pub use connect::connect;
pub use reuse::end_abandoned_transactions;
pub(crate) use statement::{Existing, is_taken, numbered, statement, unless_there};
pub(crate) use timeout::{SILENCE, is_silence, within};
