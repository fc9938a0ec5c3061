//! Which connections a pool may hand out again.

#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::time::Duration;

use sea_orm::ConnectOptions;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use sea_orm::sqlx::Connection;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use sea_orm::sqlx::{self, pool::PoolOptions};

/// How long a connection that is checked may take to answer, before it is taken for dead.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const ANSWER: Duration = Duration::from_secs(5);

/// Who has used a connection within this time knows that it is alive.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const LATELY: Duration = Duration::from_millis(500);

/// Makes a pool end a transaction that was left open on a connection, before the connection is used
/// again, and drop connections that don't answer within 5 s; for applications that open a database with
/// options of their own.
///
/// On PostgreSQL and MySQL, a future that is dropped while it begins a transaction, as by a timeout or
/// by a client that goes away, may leave one: sqlx puts the connection back without knowing of it, and
/// what is written there next, outside a transaction, would not be committed. So the server is asked
/// about each connection that is given back, while nobody waits for it. A connection on which the server
/// has fallen silent is found by that, too; and one that nobody has used for half a second is asked for a
/// sign of life, as by SeaORM's default, before it is handed out.
///
/// On SQLite, a transaction that SQLite itself has rolled back, as on a full disk, leaves sqlx with a
/// wrong count: the next transaction on that connection would become a savepoint, and its rollback keep
/// the file locked for everybody. Such a connection is closed instead of used again.
///
/// It takes the places of `before_acquire` of each database, and of the pool options (`map_sqlx_…_pool_opts`)
/// of PostgreSQL and MySQL.
///
/// # Examples
///
/// ```
/// use sea_orm::ConnectOptions;
///
/// let mut options = ConnectOptions::new("postgres://me@localhost/app");
/// thorn_core::end_abandoned_transactions(options.max_connections(50));
/// ```
pub fn end_abandoned_transactions(options: &mut ConnectOptions) -> &mut ConnectOptions {
    #[cfg(feature = "sqlite")]
    if options.get_url().starts_with("sqlite") {
        options.map_sqlx_sqlite_before_acquire(|connection, _| {
            let open = connection.is_in_transaction();
            Box::pin(async move { Ok(!open) })
        });
    }
    #[cfg(feature = "postgres")]
    if options.get_url().starts_with("postgres") {
        options
            .test_before_acquire(false)
            .map_sqlx_postgres_before_acquire(|connection, idle| Box::pin(alive(connection, idle.idle_for)));
        options.map_sqlx_postgres_pool_opts(postgres_given_back);
    }
    #[cfg(feature = "mysql")]
    if options.get_url().starts_with("mysql") {
        options
            .test_before_acquire(false)
            .map_sqlx_mysql_before_acquire(|connection, idle| Box::pin(alive(connection, idle.idle_for)));
        options.map_sqlx_mysql_pool_opts(mysql_given_back);
    }
    options
}

/// Has a PostgreSQL server end a connection whose other end says nothing any more. Its default is two
/// hours, for which the locks of a machine that is gone would stay, and its events be passed over.
#[cfg_attr(not(feature = "postgres"), expect(clippy::needless_pass_by_ref_mut, reason = "only PostgreSQL is told"))]
pub(super) fn end_with_the_other_end(options: &mut ConnectOptions) {
    #[cfg(feature = "postgres")]
    options.map_sqlx_postgres_pool_opts(|pool| {
        postgres_given_back(pool).after_connect(|connection, _| {
            use sea_orm::sqlx::Executor as _;
            Box::pin(async move {
                // Where this isn't known, it isn't needed to go on.
                if let Err(error) = connection.execute(KEEP_ALIVE).await {
                    tracing::debug!(%error, "the server keeps its own time for dead connections");
                }
                Ok(())
            })
        })
    });
    #[cfg(not(feature = "postgres"))]
    let _ = options;
}

/// Seconds, but for the last: milliseconds for which what was sent may stay unacknowledged.
#[cfg(feature = "postgres")]
const KEEP_ALIVE: &str = "SET tcp_keepalives_idle = 60; SET tcp_keepalives_interval = 20; \
                          SET tcp_keepalives_count = 3; SET tcp_user_timeout = 120000";

/// A connection that was in use a moment ago needs no sign of life, which would cost a round trip.
#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn alive<C: Connection>(connection: &mut C, idle: Duration) -> Result<bool, sqlx::Error> {
    if idle >= LATELY {
        in_time(connection.ping()).await?;
    }
    Ok(true)
}

/// A statement whose future was dropped is waited for before its connection is used again; without an
/// answer it is closed, or its place in the pool would be taken for ever.
#[cfg(feature = "postgres")]
fn postgres_given_back(pool: PoolOptions<sqlx::Postgres>) -> PoolOptions<sqlx::Postgres> {
    use sea_orm::sqlx::{Executor as _, Row as _};
    pool.after_release(|connection, _| {
        Box::pin(in_time(async move {
            // A ROLLBACK without a transaction would be a warning in the log each time. Prepared, this would
            // be several messages, each with a time of its own.
            let abandoned = connection.fetch_one("SELECT now() <> statement_timestamp()").await?.try_get(0)?;
            if abandoned {
                connection.execute("ROLLBACK").await?;
            }
            Ok(true)
        }))
    })
}

#[cfg(feature = "mysql")]
fn mysql_given_back(pool: PoolOptions<sqlx::MySql>) -> PoolOptions<sqlx::MySql> {
    use sea_orm::sqlx::Executor as _;
    pool.after_release(|connection, _| {
        Box::pin(in_time(async move { connection.execute("ROLLBACK").await.map(|_| true) }))
    })
}

/// An error has the pool drop the connection without asking it anything more.
#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn in_time<T>(check: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let silent = || sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the server said nothing"));
    tokio::time::timeout(ANSWER, check).await.unwrap_or_else(|_| Err(silent()))
}
