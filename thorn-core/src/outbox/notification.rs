//! Tells relays that something was committed, so that they needn't wait for their next poll: those of
//! this process, and through PostgreSQL's NOTIFY those of others. A lost or early hint costs time,
//! never an event.

use sea_orm::{DatabaseConnection, DbBackend};
use tokio::sync::watch;

/// The statement that inserts events, on PostgreSQL with the notification of all relays, which comes with
/// the commit and once for all of its statements. Elsewhere who writes calls [`notify`](crate::process::notify); relays that
/// look before the commit will look again.
pub(super) fn announcing(backend: DbBackend, insert: String, rows: usize) -> String {
    match (backend, rows) {
        (DbBackend::Postgres, 1) => format!("{insert} RETURNING pg_notify('thorn_event', '')"),
        // Returned, it would be called for each row.
        (DbBackend::Postgres, _) => format!("WITH written AS ({insert}) SELECT pg_notify('thorn_event', '')"),
        _ => insert,
    }
}

/// Passes PostgreSQL's notifications on to this process until `stop` turns true. Elsewhere there are
/// none, and processes find each other's events by polling.
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

    /// Pause before a connection that was refused is tried again.
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

    /// After this time without a notification it connects anew: a dead connection is silent, too.
    const SILENT: Duration = Duration::from_secs(60);

    /// On a connection of its own, so that a small pool has them all for work.
    async fn pass_on(db: &DatabaseConnection) -> Result<(), sqlx::Error> {
        let options = db.get_postgres_connection_pool().connect_options();
        let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let mut listener = PgListener::connect_with(&pool.connect_lazy_with((*options).clone())).await?;
        let listening = tokio::time::timeout(DB_TIMEOUT, listener.listen("thorn_event")).await;
        listening.map_err(|_| sqlx::Error::PoolTimedOut)??;
        loop {
            // Also when it begins, and when a lost connection is back: what came meanwhile was missed.
            crate::process::notify();
            let Ok(told) = tokio::time::timeout(SILENT, listener.try_recv()).await else { return Ok(()) };
            told?;
        }
    }
}
