//! Poolers between thorn and PostgreSQL that hand a session of the server from client to client, such as PgBouncer in
//! transaction mode.

use std::collections::BTreeSet;

use sea_orm::sqlx::{self, Connection as _, Executor as _, PgConnection, Row as _, postgres::PgConnectOptions};

use super::first_connection;

/// How often [`shares_sessions`] asks two connections for their sessions.
const ROUNDS: usize = 5;

/// SQLSTATEs for a prepared statement that exists already, or doesn't exist.
const MIXED_UP: [&str; 2] = ["42P05", "26000"];

/// Why a pooler can't be used, if that is what the error of a connection means.
pub(super) fn advice(error: &sqlx::Error) -> Option<&'static str> {
    let error = error.as_database_error()?;
    if error.code().is_some_and(|code| MIXED_UP.contains(&&*code)) {
        return Some(
            "the pooler in front of the server mixes up the prepared statements of its clients; PgBouncer in \
             transaction mode needs version 1.21 or newer and max_prepared_statements above 0, or use pool_mode=session",
        );
    }
    error
        .message()
        .starts_with("unsupported startup parameter")
        .then_some("for PgBouncer, add the parameter to ignore_startup_parameters")
}

/// Prepares a statement on this connection and on another one. A pooler without support for prepared statements in
/// transaction mode refuses the second.
pub(super) async fn check_statements(mut one: PgConnection, options: &PgConnectOptions) -> Result<(), sqlx::Error> {
    let Some(mut two) = first_connection::open::<PgConnection>(options).await? else { return Ok(()) };
    for connection in [&mut one, &mut two] {
        sqlx::query("SELECT $1::int").bind(1).execute(connection).await?;
    }
    one.close().await?;
    two.close().await
}

/// Whether connections share sessions of the server. A LISTEN would then belong to a session that other clients get,
/// and its notifications would come in the middle of their statements.
///
/// Two connections of their own always have two sessions, each the same one.
pub(crate) async fn shares_sessions(options: &PgConnectOptions) -> Result<bool, sqlx::Error> {
    let mut connections = [PgConnection::connect_with(options).await?, PgConnection::connect_with(options).await?];
    let mut sessions = [BTreeSet::new(), BTreeSet::new()];
    for _ in 0..ROUNDS {
        for (connection, seen) in connections.iter_mut().zip(&mut sessions) {
            // Unprepared, because some poolers can't do more.
            let row = connection.fetch_one("SELECT pg_backend_pid()").await?;
            seen.insert(row.try_get::<i32, _>(0)?);
        }
    }
    for connection in connections {
        connection.close().await?;
    }
    Ok(sessions.iter().any(|seen| seen.len() > 1) || sessions[0] == sessions[1])
}
