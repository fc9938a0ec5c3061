//! The connection through which a worker writes.

use sea_orm::DatabaseConnection;
#[cfg(feature = "sqlite")]
use sea_orm::{DbBackend, SqlxSqliteConnector, sqlx::sqlite::SqliteConnectOptions};

/// The database as a worker's own writers use it: the relay, the recorder, the queue, and updates of subscriptions.
///
/// SQLite lets one connection write at a time, and any other sleeps before it tries again, up to a tenth of a second. So on
/// SQLite the writers share one connection, for which they wait in turn. A task that holds it must not ask for it again.
///
/// Elsewhere, for a database in memory, and if it has only one connection anyway, this is the given pool.
pub(crate) fn writer(db: &DatabaseConnection) -> DatabaseConnection {
    #[cfg(feature = "sqlite")]
    if db.get_database_backend() == DbBackend::Sqlite {
        let pool = db.get_sqlite_connection_pool();
        let connect = pool.connect_options();
        if pool.options().get_max_connections() > 1 && !is_in_memory(&connect) {
            // A connection that is closed while nothing is written would have to be opened for the next event.
            let options = pool.options().clone().min_connections(0).max_connections(1).idle_timeout(None);
            // A statement that changes many rows keeps the pages as they were. By default, SQLite writes them to a file of
            // its own for each such statement: a third of all that a worker writes.
            let connect = (*connect).clone().pragma("temp_store", "MEMORY");
            let writer = options.connect_lazy_with(connect);
            return SqlxSqliteConnector::from_sqlx_sqlite_pool(writer);
        }
    }
    db.clone()
}

/// Whether another connection with these options might open another database, or lock this one as a whole.
#[cfg(feature = "sqlite")]
fn is_in_memory(options: &SqliteConnectOptions) -> bool {
    let file = options.get_filename().to_string_lossy();
    file.is_empty() || file.contains(":memory:") || file.contains("mode=memory") || file.contains("sqlx-in-memory")
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use sea_orm::ConnectionTrait as _;

    use super::*;
    use crate::db::transaction;

    #[tokio::test]
    async fn writers_of_a_file_take_turns_and_share_the_settings() {
        let place = thorn_test_support::Place::new().await;
        let db = crate::connect(&place.url).await.unwrap();
        if db.get_database_backend() != DbBackend::Sqlite {
            return thorn_test_support::skipped("only SQLite has a single writer");
        }
        db.execute_unprepared("CREATE TABLE numbers (number INTEGER)").await.unwrap();
        let writer = writer(&db);
        let insert = async |number: i32| {
            let txn = transaction::begin(&writer).await?;
            txn.execute_unprepared(&format!("INSERT INTO numbers VALUES ({number})")).await?;
            tokio::task::yield_now().await;
            txn.commit().await
        };
        futures::future::try_join_all((0..50).map(insert)).await.unwrap();
        assert_eq!(writer.get_sqlite_connection_pool().size(), 1);
        let asked = async |db: &DatabaseConnection, sql: &'static str| {
            let statement = sea_orm::Statement::from_string(DbBackend::Sqlite, sql);
            db.query_one_raw(statement).await.unwrap().unwrap().try_get_by_index::<i64>(0).unwrap()
        };
        for sql in
            ["PRAGMA foreign_keys", "PRAGMA busy_timeout", "PRAGMA wal_autocheckpoint", "SELECT count(*) FROM numbers"]
        {
            assert_eq!(asked(&writer, sql).await, asked(&db, sql).await, "{sql}");
        }
        let sql = "PRAGMA temp_store";
        assert_eq!((asked(&writer, sql).await, asked(&db, sql).await), (2, 0), "in memory, and as SQLite would");
    }

    #[tokio::test]
    async fn a_database_in_memory_has_no_other_connection() {
        for url in ["sqlite::memory:", "sqlite://file:shared?mode=memory&cache=shared"] {
            let Ok(db) = sea_orm::Database::connect(url).await else { continue };
            let options = db.get_sqlite_connection_pool().connect_options();
            assert!(is_in_memory(&options), "{url}: {}", options.get_filename().display());
        }
    }
}
