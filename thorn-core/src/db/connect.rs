//! Opens databases with the settings that thorn needs.

use std::time::Duration;

#[cfg(feature = "postgres")]
use sea_orm::sqlx::PgConnection;
#[cfg(feature = "mysql")]
use sea_orm::sqlx::{Connection as _, MySqlConnection};
use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

#[cfg(feature = "postgres")]
use super::pooler;
#[cfg(all(feature = "sqlite", unix))]
use super::private_file;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use super::{first_connection, server_options};
use super::{reuse, url::without_password};
use crate::error::Error;

/// How long a SQLite writer waits for another writer.
#[cfg(feature = "sqlite")]
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The size of the write-ahead log, in pages of 4 KiB, at which a commit copies it into the database file.
/// With SQLite's default of 1,000 pages, every thirtieth delivery waits for that copy.
#[cfg(feature = "sqlite")]
const AUTOCHECKPOINT_PAGES: &str = "10000";

/// How many rows SQLite's thread reads ahead of the task that asked for them. With sqlx's default of 50, the two would wake
/// each other for every few rows of a claim.
#[cfg(feature = "sqlite")]
const ROWS_AHEAD: usize = 1_000;

/// URL schemes, the feature they need, and whether it is enabled.
const FEATURES: [(&[&str], &str, bool); 3] = [
    (&["sqlite:"], "sqlite", cfg!(feature = "sqlite")),
    (&["postgres:", "postgresql:"], "postgres", cfg!(feature = "postgres")),
    (&["mysql:", "mariadb:"], "mysql", cfg!(feature = "mysql")),
];

/// Opens a database with the settings that thorn needs.
///
/// | URL | database | feature |
/// |---|---|---|
/// | `sqlite://file` | SQLite | `sqlite` |
/// | `postgres://user:password@host/name` | PostgreSQL | `postgres` |
/// | `mysql://…` or `mariadb://…` | MySQL, MariaDB | `mysql` |
///
/// A server that refuses the connection is an error at once. So start the database before the application, or start the
/// application again. A connection that breaks later is repeated.
///
/// The pool has at most 10 connections, waits 30 s for a free one, and
/// [ends abandoned transactions](crate::end_abandoned_transactions).
///
/// A missing SQLite file is created, for its owner only (mode 0600). SQLite uses write-ahead logging with a busy
/// timeout of 10 s, so readers and one writer can work at the same time. A commit copies the log into the file when
/// the log has 40 MB (`wal_autocheckpoint`). `synchronous` stays FULL, so commits survive a power failure.
///
/// thorn makes PostgreSQL drop a connection two minutes after its client has disappeared, instead of two hours.
/// The locks of the connection end with it.
///
/// # Errors
///
/// [`Error::Database`] with the URL, but without the password, and with the name of a missing feature.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// # let dir = tempfile::tempdir().unwrap();
/// # let url = format!("sqlite://{}/app.db", dir.path().display());
/// let db = thorn_core::connect(&url).await?;
/// # db.close().await?;
/// # Ok::<(), thorn_core::Error>(())
/// # }).unwrap();
/// ```
pub async fn connect(url: &str) -> Result<DatabaseConnection, Error> {
    let failed = |cause: &str| {
        Error::Database(DbErr::Custom(format!("can't open `{}`: {cause}", without_password(url).escape_debug())))
    };
    if url.trim().is_empty() {
        return Err(Error::Database(DbErr::Custom(
            "the database's URL is empty; an example is sqlite://app.db".into(),
        )));
    }
    for (schemes, feature, enabled) in FEATURES {
        if !enabled && schemes.iter().any(|scheme| url.starts_with(scheme)) {
            return Err(failed(&format!("enable the feature `{feature}` of thorn")));
        }
    }
    // SeaORM accepts MariaDB only under the scheme of MySQL.
    let accepted = match url.strip_prefix("mariadb:") {
        Some(rest) => format!("mysql:{rest}"),
        None => url.to_owned(),
    };
    // Some messages of drivers quote the URL with its password.
    open(&accepted).await.map_err(|error| failed(&error.to_string().replace(&accepted, "the URL")))
}

async fn open(url: &str) -> Result<DatabaseConnection, DbErr> {
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).acquire_timeout(Duration::from_secs(30)).max_connections(10);
    #[cfg(feature = "sqlite")]
    if url.starts_with("sqlite:") {
        #[cfg(unix)]
        private_file::create(url);
        options.map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .create_if_missing(true)
                .journal_mode("wal".parse().unwrap_or_default())
                .busy_timeout(BUSY_TIMEOUT)
                .foreign_keys(true)
                .pragma("wal_autocheckpoint", AUTOCHECKPOINT_PAGES)
                .row_buffer_size(ROWS_AHEAD)
        });
    }
    #[cfg(feature = "postgres")]
    if url.starts_with("postgres") {
        let postgres = server_options::postgres_options(url).map_err(connection_error)?;
        if let Some(connection) = first_connection::open::<PgConnection>(&postgres).await.map_err(connection_error)? {
            pooler::check_statements(connection, &postgres).await.map_err(connection_error)?;
        }
        options.map_sqlx_postgres_opts(server_options::postgres);
    }
    #[cfg(feature = "mysql")]
    if url.starts_with("mysql:") {
        let mysql = url.parse().map(server_options::mysql).map_err(connection_error)?;
        if let Some(connection) = first_connection::open::<MySqlConnection>(&mysql).await.map_err(connection_error)? {
            connection.close().await.map_err(connection_error)?;
        }
        options.map_sqlx_mysql_opts(server_options::mysql);
    }
    reuse::end_abandoned_transactions(&mut options);
    reuse::detect_dead_clients(&mut options);
    Database::connect(options).await
}

#[cfg(any(feature = "postgres", feature = "mysql"))]
fn connection_error(error: sea_orm::sqlx::Error) -> DbErr {
    #[cfg(feature = "postgres")]
    if let Some(advice) = pooler::advice(&error) {
        return DbErr::Custom(format!("{error}; {advice}"));
    }
    DbErr::Conn(sea_orm::RuntimeErr::SqlxError(std::sync::Arc::new(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn refused(url: &str) -> String {
        connect(url).await.unwrap_err().to_string()
    }

    #[tokio::test]
    async fn passwords_stay_out_of_error_messages() {
        for (url, shown) in [
            ("postgras://me:hunter2@db/x", "postgras://me:***@db/x"),
            ("postgres://me:hunter2@localhost:1/x", "postgres://me:***@localhost:1/x"),
            ("mariadb://me:hunter2@localhost:1/x", "mariadb://me:***@localhost:1/x"),
            ("mysql://me:hunter2@localhost:99999/x", "mysql://me:***@localhost:99999/x"),
        ] {
            let message = refused(url).await;
            assert!(message.contains(shown) && !message.contains("hunter2"), "{message}");
        }
    }

    #[tokio::test]
    async fn an_empty_url_is_called_empty() {
        for empty in ["", " "] {
            assert!(refused(empty).await.contains("URL is empty"), "{empty:?}");
        }
    }

    #[cfg(all(feature = "postgres", feature = "mysql"))]
    #[tokio::test]
    async fn a_refused_connection_says_so_also_with_an_address_in_brackets() {
        for scheme in ["postgres", "mysql", "mariadb"] {
            for (host, address) in [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1")] {
                // Nobody listens on a port that was just given back.
                let port = std::net::TcpListener::bind((address, 0)).unwrap().local_addr().unwrap().port();
                let message = refused(&format!("{scheme}://me@{host}:{port}/x")).await;
                assert!(message.contains("Connection refused"), "{message}");
            }
        }
    }

    #[cfg(not(feature = "mysql"))]
    #[tokio::test]
    async fn a_missing_feature_is_named_in_the_error() {
        for url in ["mysql://me:hunter2@db/x", "mariadb://me:hunter2@db/x"] {
            let message = connect(url).await.unwrap_err().to_string();
            assert!(message.contains("the feature `mysql`") && !message.contains("hunter2"), "{message}");
        }
    }
}
