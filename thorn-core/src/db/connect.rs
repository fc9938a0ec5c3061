//! Opening a database the way thorn needs it.

use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr};

use super::reuse;
use crate::error::Error;

/// How long a writer of SQLite waits for another one.
#[cfg(feature = "sqlite")]
const BUSY: Duration = Duration::from_secs(10);

/// Pages of the write-ahead log, of 4 KiB each, at which a commit moves them into the file. With SQLite's own
/// 1,000 every thirtieth delivery waits for that.
#[cfg(feature = "sqlite")]
const CHECKPOINT: &str = "10000";

/// Which URLs need which feature of thorn.
const FEATURES: [(&[&str], &str, bool); 3] = [
    (&["sqlite:"], "sqlite", cfg!(feature = "sqlite")),
    (&["postgres:", "postgresql:"], "postgres", cfg!(feature = "postgres")),
    (&["mysql:", "mariadb:"], "mysql", cfg!(feature = "mysql")),
];

/// Opens a database: `sqlite://file`, `postgres://user:password@host/name` or `mysql://…` (also for
/// MariaDB), each with the feature of thorn for it.
///
/// A SQLite file is created if it is missing, and set to write-ahead logging with
/// a busy timeout of 10 s, so that readers and one writer go on together; the log is moved into the file
/// when it has 40 MB (`wal_autocheckpoint`); `synchronous` stays FULL: what is committed survives a power
/// failure. The pool has at most 10 connections, and
/// [ends abandoned transactions](crate::end_abandoned_transactions). A PostgreSQL server is asked to give up a
/// connection whose other end is gone after two minutes instead of two hours, and with it its locks.
///
/// # Errors
///
/// [`Error::Database`] naming the URL without its password, and the feature if that is missing.
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
            return Err(failed(&format!("it needs the feature `{feature}` of thorn")));
        }
    }
    // SeaORM knows MariaDB by MySQL's name only.
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
                .busy_timeout(BUSY)
                .foreign_keys(true)
                .pragma("wal_autocheckpoint", CHECKPOINT)
        });
    }
    reuse::end_abandoned_transactions(&mut options);
    reuse::end_with_the_other_end(&mut options);
    // Some of the messages quote the URL as it was given.
    Database::connect(options).await.map_err(|error| failed(&error.to_string().replace(url, "the URL")))
}

fn without_password(url: &str) -> String {
    match url::Url::parse(url) {
        Ok(mut parsed) if parsed.password().is_some() => {
            let _ = parsed.set_password(Some("***"));
            parsed.to_string()
        }
        Ok(_) => url.to_owned(),
        // A password with a character that isn't allowed there makes the URL unreadable.
        Err(_) => match (url.find("://"), url.rfind('@')) {
            (Some(scheme), Some(host)) if scheme < host => format!("{}***{}", &url[..scheme + 3], &url[host..]),
            _ => url.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn passwords_stay_out_of_messages() {
        let message = connect("postgras://me:hunter2@db/x").await.unwrap_err().to_string();
        assert!(message.contains("postgras://me:***@db/x") && !message.contains("hunter2"), "{message}");
        assert_eq!(without_password("postgres://me:hunter2@db/x"), "postgres://me:***@db/x");
        assert_eq!(without_password("postgres://me:hunter/2@db/x"), "postgres://***@db/x");
        assert_eq!(without_password("sqlite://a.db"), "sqlite://a.db");
    }

    #[cfg(not(feature = "mysql"))]
    #[tokio::test]
    async fn a_missing_feature_is_named() {
        for url in ["mysql://me:hunter2@db/x", "mariadb://me:hunter2@db/x"] {
            let message = connect(url).await.unwrap_err().to_string();
            assert!(message.contains("the feature `mysql`") && !message.contains("hunter2"), "{message}");
        }
    }
}
