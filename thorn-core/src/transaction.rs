//! Transactions that write.

use sea_orm::{ConnectionTrait, DbBackend, DbErr, SqliteTransactionMode, TransactionOptions, TransactionTrait};

/// Begins a transaction that is going to write.
///
/// On SQLite it takes the write lock at once: a deferred transaction that reads first and writes
/// later fails with `SQLITE_BUSY` when another one wrote in between, whatever the busy timeout.
pub(crate) async fn begin<C: ConnectionTrait + TransactionTrait>(db: &C) -> Result<C::Transaction, DbErr> {
    if ConnectionTrait::get_database_backend(db) == DbBackend::Sqlite {
        let sqlite_transaction_mode = Some(SqliteTransactionMode::Immediate);
        db.begin_with_options(TransactionOptions { sqlite_transaction_mode, ..TransactionOptions::default() }).await
    } else {
        db.begin().await
    }
}
