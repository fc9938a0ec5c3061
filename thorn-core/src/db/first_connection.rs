//! The first connection to a database server, made before the pool.
//!
//! A pool repeats a refused connection until its time to acquire one has passed, and then says only that. The first
//! connection fails at once, and with the reason.

use std::time::Duration;

use sea_orm::sqlx::{self, Connection};

/// How long the first connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Connects. `None` means that the server is starting, or has no connection left just now. The pool waits for it.
pub(super) async fn open<C: Connection>(options: &C::Options) -> Result<Option<C>, sqlx::Error> {
    let timed_out = || std::io::Error::new(std::io::ErrorKind::TimedOut, "the server didn't answer within 30 s");
    let connected = tokio::time::timeout(CONNECT_TIMEOUT, C::connect_with(options)).await;
    match connected.unwrap_or_else(|_| Err(sqlx::Error::Io(timed_out()))) {
        Ok(connection) => Ok(Some(connection)),
        Err(sqlx::Error::Database(error)) if error.is_transient_in_connect_phase() => Ok(None),
        Err(error) => Err(error),
    }
}
