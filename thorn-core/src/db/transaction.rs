//! Transactions that write.

use std::any::TypeId;

use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, IsolationLevel, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};

/// Begins a transaction that is going to write.
///
/// On SQLite it takes the write lock at once: a deferred transaction that reads first and writes
/// later fails with `SQLITE_BUSY` when another one wrote in between, whatever the busy timeout.
///
/// On MySQL it is READ COMMITTED, as on PostgreSQL. MySQL's own level locks the gaps between rows as
/// well: while a relay claims events, nobody could insert one.
pub(crate) async fn begin<C: ConnectionTrait + TransactionTrait>(db: &C) -> Result<C::Transaction, DbErr> {
    let options = match ConnectionTrait::get_database_backend(db) {
        DbBackend::Sqlite => TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        },
        // The level can't be changed inside a transaction, which any other type may be.
        DbBackend::MySql if typeid::of::<C>() == TypeId::of::<DatabaseConnection>() => {
            TransactionOptions { isolation_level: Some(IsolationLevel::ReadCommitted), ..TransactionOptions::default() }
        }
        _ => TransactionOptions::default(),
    };
    db.begin_with_options(options).await
}

/// Runs one writing statement that is a transaction by itself; returns how many rows it changed.
///
/// On MySQL it, too, is READ COMMITTED: at the server's own level an UPDATE locks the gaps it passes,
/// and every row that its subqueries read.
pub(crate) async fn execute_in_own_transaction(db: &DatabaseConnection, statement: Statement) -> Result<u64, DbErr> {
    if db.get_database_backend() != DbBackend::MySql {
        return Ok(db.execute_raw(statement).await?.rows_affected());
    }
    let txn = begin(db).await?;
    let done = txn.execute_raw(statement).await?;
    txn.commit().await?;
    Ok(done.rows_affected())
}
