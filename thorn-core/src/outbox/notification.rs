//! Hints that events were committed or numbered, so that relays and streams needn't wait for their next poll.
//!
//! PostgreSQL's NOTIFY also reaches the relays of other processes. On other databases, a hint reaches only the
//! relays of this process. A lost or early hint costs time, never an event.

use sea_orm::{DatabaseConnection, DbBackend};
use tokio::sync::watch;

use crate::db::DatabaseUrl;

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
///
/// `url` leads to the same database, past a pooler that shares sessions. Without it, such a pooler is noticed and nothing
/// is listened to.
pub(crate) async fn listen(db: &DatabaseConnection, url: Option<&DatabaseUrl>, stop: watch::Receiver<bool>) {
    #[cfg(feature = "postgres")]
    if db.get_database_backend() == DbBackend::Postgres {
        postgres::listen(db, url, stop).await;
    }
    #[cfg(not(feature = "postgres"))]
    let _ = (db, url, stop);
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::time::Duration;

    use sea_orm::{
        DatabaseConnection,
        sqlx::{
            self,
            postgres::{PgConnectOptions, PgListener, PgPoolOptions},
        },
    };
    use tokio::sync::watch;

    use crate::db::{DB_TIMEOUT, DatabaseUrl, postgres_options, shares_sessions};

    /// The pause after a failed connection, before the next attempt to connect.
    const PAUSE: Duration = Duration::from_secs(5);

    pub(super) async fn listen(db: &DatabaseConnection, url: Option<&DatabaseUrl>, mut stop: watch::Receiver<bool>) {
        let mut checked = false;
        loop {
            let told = tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                told = connect_and_pass_on(db, url, &mut checked) => told,
            };
            match told {
                Ok(Listening::Again) => {}
                Ok(Listening::Impossible) => return,
                Err(error) => {
                    tracing::warn!(%error, "can't listen to the database; events are found by polling meanwhile");
                    let _ = tokio::time::timeout(PAUSE, stop.wait_for(|stop| *stop)).await;
                }
            }
        }
    }

    /// The listener reconnects after this time without a notification, because a dead connection is silent, too.
    const SILENT: Duration = Duration::from_secs(60);

    /// How listening ended.
    enum Listening {
        /// The connection was silent.
        Again,
        /// A pooler shares the session between clients.
        Impossible,
    }

    async fn connect_and_pass_on(
        db: &DatabaseConnection,
        url: Option<&DatabaseUrl>,
        checked: &mut bool,
    ) -> Result<Listening, sqlx::Error> {
        let options = match url {
            Some(url) => postgres_options(url.expose())?,
            None => (*db.get_postgres_connection_pool().connect_options()).clone(),
        };
        if !*checked {
            let checking = tokio::time::timeout(DB_TIMEOUT, shares_sessions(&options)).await;
            if checking.map_err(|_| sqlx::Error::PoolTimedOut)?? {
                tracing::warn!(
                    "a pooler shares the sessions of PostgreSQL, so notifications can't be received and events are found \
                     by polling; set THORN_LISTEN_URL to a URL past the pooler"
                );
                return Ok(Listening::Impossible);
            }
            *checked = true;
        }
        pass_on(options).await
    }

    /// Listens on a separate connection, so that even a small pool has all of its connections for work.
    async fn pass_on(options: PgConnectOptions) -> Result<Listening, sqlx::Error> {
        let pool = PgPoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
        let mut listener = PgListener::connect_with(&pool.connect_lazy_with(options)).await?;
        let listening = tokio::time::timeout(DB_TIMEOUT, listener.listen_all(["thorn_event", "thorn_log"])).await;
        listening.map_err(|_| sqlx::Error::PoolTimedOut)??;
        // At the start and after a lost connection, both may have been missed in the meantime.
        crate::process::notify_numbered();
        loop {
            // A relay passes over rows that are being numbered, so both channels wake it.
            crate::process::notify();
            let Ok(told) = tokio::time::timeout(SILENT, listener.try_recv()).await else {
                return Ok(Listening::Again);
            };
            if told?.is_none_or(|told| told.channel() == "thorn_log") {
                crate::process::notify_numbered();
            }
        }
    }
}
