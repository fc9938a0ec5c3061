//! Database access: connections, transactions, and SQL that runs on every supported database.

mod batches;
mod clock;
mod columns;
mod concrete;
mod connect;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod first_connection;
mod new_plan;
mod one_of;
#[cfg(feature = "postgres")]
mod pooler;
#[cfg(all(feature = "sqlite", unix))]
mod private_file;
mod quiet;
mod recheck;
mod reuse;
#[cfg(any(feature = "postgres", feature = "mysql"))]
mod server_options;
mod statement;
mod timeout;
pub(crate) mod transaction;
mod url;
mod writer;
#[cfg(test)]
#[cfg(feature = "sqlite")]
pub(crate) mod without_returning;

pub(crate) use batches::{MAX_BOUND_VALUES, MAX_BYTES, batches};
pub(crate) use clock::{now_in_micros, now_in_millis};
pub(crate) use columns::{ColumnSource, Columns, FromColumn, read_in_order};
pub(crate) use concrete::Concrete;
pub use connect::connect;
pub(crate) use new_plan::{all_by_new_plan, plan_anew};
pub(crate) use one_of::one_of;
#[cfg(feature = "postgres")]
pub(crate) use pooler::shares_sessions;
pub(crate) use quiet::log_statements_at_debug;
pub(crate) use recheck::recheck;
pub use reuse::end_abandoned_transactions;
#[cfg(feature = "postgres")]
pub(crate) use server_options::postgres_options;
pub(crate) use statement::{OnConflict, is_unique_violation, number_placeholders, on_conflict_do_nothing, statement};
pub(crate) use timeout::{DB_TIMEOUT, is_db_timeout, with_timeout};
pub use url::{DatabaseUrl, InvalidDatabaseUrl};
pub(crate) use writer::writer;
