//! Hints to relays that events were committed, so that a relay needn't wait for its next poll.
//!
//! PostgreSQL's NOTIFY also reaches the relays of other processes. On other databases, a hint reaches only the
//! relays of this process. A lost or early hint costs time, never an event.

use sea_orm::{DatabaseConnection, DbBackend};
use tokio::sync::watch;

/// The statement that inserts events and, on PostgreSQL, notifies all relays.
///
/// PostgreSQL sends the notification with the commit, once for all statements of the transaction. On other
/// databases, the writer calls [`notify`](crate::process::notify). A relay that looks before the commit will look
/// again.
pub(super) fn announcing(backend: DbBackend, insert: String, rows: usize) -> String {
    match (backend, rows) {
        (DbBackend::Postgres, 1) => format!("{insert} RETURNING pg_notify('thorn_event', '')"),
        // In RETURNING, `pg_notify` would be called for each row.
        (DbBackend::Postgres, _) => format!("WITH written AS ({insert}) SELECT pg_notify('thorn_event', '')"),
        _ => insert,
    }
}

/// Passes PostgreSQL's notifications on to this process until `stop` turns true. Other databases have no
/// notifications, so processes find each other's events by polling.
#[cfg_attr(not(feature = "postgres"), expect(clippy::unused_async, reason = "elsewhere there is nothing to wait for"))]
pub(crate) async fn listen(db: &DatabaseConnection, stop: watch::Receiver<bool>) {
    #[cfg(feature = "postgres")]
    if db.get_database_backend() == DbBackend::Postgres {
        postgres::listen(db, stop).await;
    }
    #[cfg(not(feature = "postgres"))]
    let _ = (db, stop);
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::time::Duration;

    use sea_orm::{
        DatabaseConnection,
        sqlx::{
            self,
            postgres::{PgListener, PgPoolOptions},
        },
    };
    use tokio::sync::watch;

    use crate::db::DB_TIMEOUT;

    /// The pause after a failed connection, before the next attempt to connect.
    const PAUSE: Duration = Duration::from_secs(5);

    pub(super) async fn listen(db: &DatabaseConnection, mut stop: watch::Receiver<bool>) {
        loop {
            let told = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                told = pass_on(db) => told,
            };
            let Err(error) = told else { continue };
            tracing::warn!(%error, "can't listen to the database; events are found by polling meanwhile");
            let _ = tokio::time::timeout(PAUSE, stop.wait_for(|stop| *stop)).await;
        }
    }

    /// The listener reconnects after this time without a notification, because a dead connection is silent, too.
    const SILENT: Duration = Duration::from_secs(60);

    /// Listens on a separate connection, so that even a small pool has all of its connections for work.
    async fn pass_on(db: &DatabaseConnection) -> Result<(), sqlx::Error> {
        let options = db.get_postgres_connection_pool().connect_options();
        let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let mut listener = PgListener::connect_with(&pool.connect_lazy_with((*options).clone())).await?;
        let listening = tokio::time::timeout(DB_TIMEOUT, listener.listen("thorn_event")).await;
        listening.map_err(|_| sqlx::Error::PoolTimedOut)??;
        loop {
            // Also at the start and after a lost connection, because notifications were missed in the meantime.
            crate::process::notify();
            let Ok(told) = tokio::time::timeout(SILENT, listener.try_recv()).await else { return Ok(()) };
            told?;
        }
    }
}
