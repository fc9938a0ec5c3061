//! Work on thorn's tables and triggers that one process does at a time.

use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, Statement};

use crate::{db::transaction, error::Error};

/// The key of the advisory lock on PostgreSQL: "thorn" in ASCII and a number. Each database has its own locks.
const POSTGRES_LOCK: i64 = 0x7468_6f72_6e01;

/// An SQL expression for the name of the lock on MySQL, at most 64 characters long. The lock is shared by all
/// databases of the server, so the name contains a hash of the database.
const MYSQL_LOCK: &str = "CONCAT('thorn_migration_', MD5(DATABASE()))";

/// How many seconds MySQL waits for the lock.
const LOCK_TIMEOUT_SECS: u32 = 60;

/// Runs `work` in a transaction, while no other process migrates this database or changes its triggers. The transaction
/// is rolled back if `work` fails. `name` says in an error what stopped.
///
/// The lock belongs to the connection of the transaction, so everything must run on it. It runs in a task, because
/// dropping this future must not stop it halfway: MySQL's lock would stay with the connection in the pool.
pub(crate) async fn exclusively<T: Send + 'static>(
    db: &DatabaseConnection,
    name: &str,
    work: impl for<'txn> FnOnce(&'txn DatabaseTransaction) -> BoxFuture<'txn, Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let db = db.clone();
    let working = tokio::spawn(async move {
        let txn = transaction::begin(&db).await?;
        lock(&txn).await?;
        let result = work(&txn).await;
        unlock(&txn).await?;
        match result {
            Ok(value) => {
                txn.commit().await?;
                Ok(value)
            }
            Err(error) => {
                txn.rollback().await?;
                Err(error)
            }
        }
    });
    working.await.map_err(|error| DbErr::Custom(format!("{name} stopped early: {error}")))?
}

/// Waits until no other process migrates this database. On SQLite, the transaction already holds the write lock.
async fn lock(txn: &DatabaseTransaction) -> Result<(), DbErr> {
    match txn.get_database_backend() {
        DbBackend::Postgres => {
            txn.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({POSTGRES_LOCK})")).await?;
        }
        DbBackend::MySql => {
            let sql = format!("SELECT GET_LOCK({MYSQL_LOCK}, {LOCK_TIMEOUT_SECS}) AS got");
            let row = txn.query_one_raw(Statement::from_string(DbBackend::MySql, sql)).await?;
            let got: Option<i64> = row.map_or(Ok(None), |row| row.try_get("", "got"))?;
            if got != Some(1) {
                let message = format!(
                    "another process has been migrating this database for {LOCK_TIMEOUT_SECS} s; see SHOW PROCESSLIST"
                );
                return Err(DbErr::Custom(message));
            }
        }
        _ => {}
    }
    Ok(())
}

/// Releases the lock on MySQL. On PostgreSQL it ends with the transaction.
async fn unlock(txn: &DatabaseTransaction) -> Result<(), DbErr> {
    if txn.get_database_backend() == DbBackend::MySql {
        txn.execute_unprepared(&format!("DO RELEASE_LOCK({MYSQL_LOCK})")).await?;
    }
    Ok(())
}
