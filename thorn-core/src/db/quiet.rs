//! Keeps the worker's statements out of an application's log.

use sea_orm::DatabaseConnection;

/// Makes a pool log statements at DEBUG that it logs at INFO, SeaORM's default.
///
/// A worker polls, so an idle one would write dozens of lines a second. The application chose another level if
/// the pool doesn't log at INFO. Then nothing changes.
///
/// A connection keeps the level it was opened with, so those that nobody uses are closed. Databases in memory are
/// left alone: they would be lost with their connection.
pub(crate) async fn log_statements_at_debug(db: &DatabaseConnection) {
    #[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
    {
        use sea_orm::DbBackend;

        match db.get_database_backend() {
            #[cfg(feature = "sqlite")]
            DbBackend::Sqlite => pools::quieten(db.get_sqlite_connection_pool()).await,
            #[cfg(feature = "postgres")]
            DbBackend::Postgres => pools::quieten(db.get_postgres_connection_pool()).await,
            #[cfg(feature = "mysql")]
            DbBackend::MySql => pools::quieten(db.get_mysql_connection_pool()).await,
            #[allow(unreachable_patterns)]
            _ => {}
        }
    }
    #[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
    let _ = db;
}

#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
mod pools {
    use std::time::{Duration, Instant};

    use sea_orm::sqlx::{ConnectOptions as _, Connection, Database, Pool};

    /// How long to wait for connections that the application uses.
    const PATIENCE: Duration = Duration::from_millis(500);

    /// How often to look for them. A pool doesn't tell when a connection comes back.
    const TURN: Duration = Duration::from_millis(5);

    pub(super) async fn quieten<D: Database>(pool: &Pool<D>) {
        let options = pool.connect_options();
        // sqlx tells the level in no other way. The options hold a password, so this text goes nowhere.
        let text = format!("{options:?}");
        if !text.contains("statements_level: Info") || text.contains("in_memory: true") {
            return;
        }
        let Ok(debug) = "debug".parse() else { return };
        let quiet = <D::Connection as Connection>::Options::clone(&options).log_statements(debug);
        pool.set_connect_options(quiet);
        // A connection that something uses isn't idle yet. It is when all connections are held here. Connections that
        // are opened meanwhile are quiet already.
        let mut old = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        loop {
            old.extend(std::iter::from_fn(|| pool.try_acquire()));
            if old.len() >= pool.size() as usize || Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(TURN).await;
        }
        for connection in old {
            let _ = connection.close().await;
        }
    }
}
