//! A database that says nothing: no answer and no end of the connection, as behind a router that has
//! forgotten it. The operating system gives up after a quarter of an hour, or never.

use std::time::Duration;

use sea_orm::{DatabaseConnection, DbBackend, DbErr, RuntimeErr};

use crate::error::Error;

/// How long a worker waits for one piece of work in the database: as long as for a connection.
pub(crate) const DB_TIMEOUT: Duration = Duration::from_secs(30);

/// Bounds a piece of work in the database. SQLite is no server: it answers, or is locked, of which it
/// keeps the time itself.
pub(crate) async fn with_timeout<T>(
    db: &DatabaseConnection,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    if db.get_database_backend() == DbBackend::Sqlite {
        return work.await;
    }
    tokio::time::timeout(DB_TIMEOUT, work).await.unwrap_or_else(|_| {
        let message = format!("the database said nothing for {DB_TIMEOUT:?}");
        Err(Error::Database(DbErr::Conn(RuntimeErr::Internal(message))))
    })
}

/// Whether others that wait for the database may be waiting in vain.
pub(crate) fn is_db_timeout(error: &Error) -> bool {
    matches!(error, Error::Database(DbErr::Conn(RuntimeErr::Internal(_)) | DbErr::ConnectionAcquire(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn a_file_is_waited_for() {
        let db = crate::connect("sqlite::memory:").await.unwrap();
        // Only now: the pool's own time would be up at once.
        tokio::time::pause();
        let slow = async {
            tokio::time::sleep(DB_TIMEOUT * 2).await;
            Ok(1)
        };
        assert_eq!(with_timeout(&db, slow).await.unwrap(), 1);
    }

    #[test]
    fn an_error_is_no_silence() {
        let silent = DbErr::Conn(RuntimeErr::Internal("nothing".into()));
        assert!(is_db_timeout(&Error::Database(silent)));
        assert!(!is_db_timeout(&Error::Database(DbErr::Exec(RuntimeErr::Internal("locked".into())))));
    }
}
