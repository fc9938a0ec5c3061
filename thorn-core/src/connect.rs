//! Opening a database the way thorn needs it.

use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection};

use crate::Error;

/// How long a writer of SQLite waits for another one.
#[cfg(feature = "sqlite")]
const BUSY: Duration = Duration::from_secs(10);

/// Opens a database. A SQLite file is created if it is missing, and set to write-ahead logging with
/// a busy timeout of 10 s, so that readers and one writer go on together; `synchronous` stays FULL:
/// what is committed survives a power failure.
///
/// # Errors
///
/// [`Error::Database`] naming the URL without its password.
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
    let mut options = ConnectOptions::new(url);
    options.sqlx_logging(false).acquire_timeout(Duration::from_secs(30)).max_connections(10);
    #[cfg(feature = "sqlite")]
    if url.starts_with("sqlite:") {
        options.map_sqlx_sqlite_opts(|sqlite| {
            sqlite
                .create_if_missing(true)
                .journal_mode("wal".parse().unwrap_or_default())
                .busy_timeout(BUSY)
                .foreign_keys(true)
        });
    }
    Database::connect(options).await.map_err(|error| {
        // Some of the messages below quote the URL as it was given.
        let cause = error.to_string().replace(url, "the URL");
        Error::Database(sea_orm::DbErr::Custom(format!("can't open `{}`: {cause}", without_password(url))))
    })
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
}
