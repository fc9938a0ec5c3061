//! Transactions that write to the database.

use std::any::TypeId;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};

/// Begins a transaction that will write.
///
/// On SQLite the transaction takes the write lock at once. A deferred transaction that reads first and writes
/// later fails with `SQLITE_BUSY` if another one wrote in between, whatever the busy timeout is.
///
/// On MySQL the isolation level is READ COMMITTED, as on PostgreSQL. MySQL's default level also locks the gaps
/// between rows, so no event could be inserted while a relay claims events.
pub(crate) async fn begin<C: ConnectionTrait + TransactionTrait>(db: &C) -> Result<C::Transaction, DbErr> {
    let options = match ConnectionTrait::get_database_backend(db) {
        DbBackend::Sqlite => TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        },
        // Any other type may be a transaction, inside which the level can't be changed.
        DbBackend::MySql if typeid::of::<C>() == TypeId::of::<DatabaseConnection>() => {
            TransactionOptions { isolation_level: Some(IsolationLevel::ReadCommitted), ..TransactionOptions::default() }
        }
        _ => TransactionOptions::default(),
    };
    db.begin_with_options(options).await
}

/// Executes a writing statement in a transaction of its own and returns the number of affected rows.
///
/// On MySQL this transaction is READ COMMITTED, too. At the server's default level, an UPDATE locks the gaps it
/// scans and every row that its subqueries read.
pub(crate) async fn execute_in_own_transaction(db: &DatabaseConnection, statement: Statement) -> Result<u64, DbErr> {
    if db.get_database_backend() != DbBackend::MySql {
        return Ok(db.execute_raw(statement).await?.rows_affected());
    }
    let txn = begin(db).await?;
    let result = txn.execute_raw(statement).await?;
    txn.commit().await?;
    Ok(result.rows_affected())
}
