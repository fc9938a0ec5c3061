//! A time limit for database servers that neither answer nor close the connection.
//!
//! A router that has forgotten a connection causes this, for instance. The operating system gives up after a
//! quarter of an hour, or never.

use std::time::Duration;

use sea_orm::{DatabaseConnection, DbBackend, DbErr};

use crate::error::Error;

/// How long a worker waits for one database operation: as long as the pool waits for a connection.
pub(crate) const DB_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs a database operation and fails with [`Error::DatabaseTimeout`] if it takes longer than [`DB_TIMEOUT`].
///
/// SQLite has no limit here. It isn't a server, and it limits the wait for its file lock itself.
pub(crate) async fn with_timeout<T>(
    db: &DatabaseConnection,
    operation: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    if db.get_database_backend() == DbBackend::Sqlite {
        return operation.await;
    }
    let timed_out = |_| Err(Error::DatabaseTimeout { waited: DB_TIMEOUT });
    tokio::time::timeout(DB_TIMEOUT, operation).await.unwrap_or_else(timed_out)
}

/// Whether the error suggests that the server doesn't answer, so that other operations may be waiting in vain.
pub(crate) const fn is_db_timeout(error: &Error) -> bool {
    matches!(error, Error::DatabaseTimeout { .. } | Error::Database(DbErr::ConnectionAcquire(_)))
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnAcquireErr, RuntimeErr};

    use super::*;

    #[cfg(feature = "sqlite")]
    #[tokio::test]
    async fn sqlite_operations_have_no_timeout() {
        let db = crate::connect("sqlite::memory:").await.unwrap();
        // Pausing earlier would make the pool time out at once.
        tokio::time::pause();
        let slow = async {
            tokio::time::sleep(DB_TIMEOUT * 2).await;
            Ok(1)
        };
        assert_eq!(with_timeout(&db, slow).await.unwrap(), 1);
    }

    #[test]
    fn only_a_missing_answer_is_a_timeout() {
        assert!(is_db_timeout(&Error::DatabaseTimeout { waited: DB_TIMEOUT }));
        assert!(is_db_timeout(&Error::Database(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))));
        for error in [DbErr::Exec, DbErr::Query, DbErr::Conn] {
            assert!(!is_db_timeout(&Error::Database(error(RuntimeErr::Internal("locked".into())))));
        }
    }
}
