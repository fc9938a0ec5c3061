//! Database access: connections, transactions, and SQL that runs on every supported database.

mod batches;
mod connect;
mod reuse;
mod statement;
mod timeout;
pub(crate) mod transaction;

pub(crate) use batches::{MAX_BOUND_VALUES, MAX_BYTES, batches};
pub use connect::connect;
pub use reuse::end_abandoned_transactions;
pub(crate) use statement::{OnConflict, is_unique_violation, number_placeholders, on_conflict_do_nothing, statement};
pub(crate) use timeout::{DB_TIMEOUT, is_db_timeout, with_timeout};
