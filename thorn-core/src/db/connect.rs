//! Opens databases with the settings that thorn needs.

use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use super::reuse;
use crate::error::Error;

/// How long a SQLite writer waits for another writer.
#[cfg(feature = "sqlite")]
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// The size of the write-ahead log, in pages of 4 KiB, at which a commit copies it into the database file.
/// With SQLite's default of 1,000 pages, every thirtieth delivery waits for that copy.
#[cfg(feature = "sqlite")]
const AUTOCHECKPOINT_PAGES: &str = "10000";

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
/// The pool has at most 10 connections, waits 30 s for a free one, and
/// [ends abandoned transactions](crate::end_abandoned_transactions).
///
/// A missing SQLite file is created. SQLite uses write-ahead logging with a busy timeout of 10 s, so readers
/// and one writer can work at the same time. A commit copies the log into the file when the log has 40 MB
/// (`wal_autocheckpoint`). `synchronous` stays FULL, so commits survive a power failure.
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
    let failed =
        |cause: &str| Error::Database(DbErr::Custom(format!("can't open `{}`: {cause}", without_password(url))));
    for (schemes, feature, enabled) in FEATURES {
        if !enabled && schemes.iter().any(|scheme| url.starts_with(scheme)) {
            return Err(failed(&format!("enable the feature `{feature}` of thorn")));
        }
    }
    // SeaORM accepts MariaDB only under the scheme of MySQL.
    let mut options = match url.strip_prefix("mariadb:") {
        Some(rest) => ConnectOptions::new(format!("mysql:{rest}")),
        None => ConnectOptions::new(url),
    };
    options.sqlx_logging(false).acquire_timeout(Duration::from_secs(30)).max_connections(10);
    #[cfg(feature = "sqlite")]
    if url.starts_with("sqlite:") {
        options.map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .create_if_missing(true)
                .journal_mode("wal".parse().unwrap_or_default())
                .busy_timeout(BUSY_TIMEOUT)
                .foreign_keys(true)
                .pragma("wal_autocheckpoint", AUTOCHECKPOINT_PAGES)
        });
    }
    reuse::end_abandoned_transactions(&mut options);
    reuse::detect_dead_clients(&mut options);
    // Some messages of drivers quote the URL with its password.
    Database::connect(options).await.map_err(|error| failed(&error.to_string().replace(url, "the URL")))
}

fn without_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            let _ = parsed.set_password(Some("***"));
            parsed.to_string()
        }
        Ok(_) => url.to_owned(),
        // A password with a reserved character makes the URL unparsable.
        Err(_) => match (url.find("://"), url.rfind('@')) {
            (Some(scheme), Some(at)) if scheme < at => format!("{}***{}", &url[..scheme + 3], &url[at..]),
            _ => url.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passwords_stay_out_of_error_messages() {
        let message = connect("postgras://me:hunter2@db/x").await.unwrap_err().to_string();
        assert!(message.contains("postgras://me:***@db/x") && !message.contains("hunter2"), "{message}");
        assert_eq!(without_password("postgres://me:hunter2@db/x"), "postgres://me:***@db/x");
        assert_eq!(without_password("postgres://me:hunter/2@db/x"), "postgres://***@db/x");
        assert_eq!(without_password("sqlite://a.db"), "sqlite://a.db");
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
