//! Checks that connections must pass before a pool hands them out again.

#[cfg(any(feature = "postgres", feature = "mysql"))]
use std::time::Duration;

use sea_orm::ConnectOptions;
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
use sea_orm::sqlx::Connection;
#[cfg(any(feature = "postgres", feature = "mysql"))]
use sea_orm::sqlx::{self, pool::PoolOptions};

/// How long a connection may take to answer a check before it counts as dead.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const CHECK_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that was used within this time counts as alive without a check.
#[cfg(any(feature = "postgres", feature = "mysql"))]
const RECENTLY_USED: Duration = Duration::from_millis(500);

/// Makes a pool end transactions that were left open, and drop connections that don't answer within 5 s.
///
/// Call it if your application opens the database with its own options. [`connect`](crate::connect) already
/// does.
///
/// On PostgreSQL and MySQL, a future that is dropped while it begins a transaction may leave the transaction
/// open. A timeout or a disconnected client does this. sqlx returns the connection to the pool without
/// noticing, and later statements on it would never be committed. The pool therefore asks the server about
/// each returned connection, while no caller waits. The same check finds connections that don't answer. A
/// connection that was idle for half a second is pinged before it is handed out, as by SeaORM's default.
///
/// On SQLite, a transaction that SQLite itself rolls back, for instance on a full disk, leaves sqlx with a
/// wrong count. The next transaction on the connection would become a savepoint, and its rollback would keep
/// the file locked. The pool closes such a connection.
///
/// The function sets `before_acquire` of each database, and `map_sqlx_…_pool_opts` of PostgreSQL and MySQL. It
/// replaces callbacks that were set there before.
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
        options.test_before_acquire(false).map_sqlx_sqlite_before_acquire(|connection, _| {
            let open = connection.is_in_transaction();
            Box::pin(async move { Ok(!open) })
        });
    }
    #[cfg(feature = "postgres")]
    if options.get_url().starts_with("postgres") {
        options
            .test_before_acquire(false)
            .map_sqlx_postgres_before_acquire(|connection, idle| Box::pin(is_alive(connection, idle.idle_for)));
        options.map_sqlx_postgres_pool_opts(roll_back_on_postgres_release);
    }
    #[cfg(feature = "mysql")]
    if options.get_url().starts_with("mysql") {
        options
            .test_before_acquire(false)
            .map_sqlx_mysql_before_acquire(|connection, idle| Box::pin(is_alive(connection, idle.idle_for)));
        options.map_sqlx_mysql_pool_opts(roll_back_on_mysql_release);
    }
    options
}

/// Makes a PostgreSQL server drop connections whose client is gone.
///
/// By default it takes two hours to notice. Meanwhile it would keep the locks of a crashed machine, and relays
/// would skip the events that are locked.
#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::needless_pass_by_ref_mut, reason = "only PostgreSQL has this setting")
)]
pub(super) fn detect_dead_clients(options: &mut ConnectOptions) {
    #[cfg(feature = "postgres")]
    options.map_sqlx_postgres_pool_opts(|pool| {
        roll_back_on_postgres_release(pool).after_connect(|connection, _| {
            use sea_orm::sqlx::Executor as _;
            Box::pin(async move {
                // Servers without these settings keep their own timeouts, which thorn can work with.
                if let Err(error) = connection.execute(KEEP_ALIVE).await {
                    tracing::debug!(%error, "the server doesn't accept keep-alive settings and keeps its own");
                }
                Ok(())
            })
        })
    });
    #[cfg(not(feature = "postgres"))]
    let _ = options;
}

/// All values are seconds except `tcp_user_timeout`: the milliseconds that sent data may stay unacknowledged.
#[cfg(feature = "postgres")]
const KEEP_ALIVE: &str = "SET tcp_keepalives_idle = 60; SET tcp_keepalives_interval = 20; \
                          SET tcp_keepalives_count = 3; SET tcp_user_timeout = 120000";

/// Pings a connection, unless it was used recently: a ping costs a round trip.
#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn is_alive<C: Connection>(connection: &mut C, idle: Duration) -> Result<bool, sqlx::Error> {
    if idle >= RECENTLY_USED {
        with_check_timeout(connection.ping()).await?;
    }
    Ok(true)
}

/// Rolls back an abandoned transaction when a connection is returned.
///
/// The check also waits for a statement whose future was dropped. If no answer comes, the connection is closed.
/// Otherwise it would occupy a place in the pool forever.
#[cfg(feature = "postgres")]
fn roll_back_on_postgres_release(pool: PoolOptions<sqlx::Postgres>) -> PoolOptions<sqlx::Postgres> {
    use sea_orm::sqlx::{Executor as _, Row as _};
    pool.after_release(|connection, _| {
        Box::pin(with_check_timeout(async move {
            // A ROLLBACK without a transaction would write a warning to the log of the server each time. The
            // query is unprepared, because preparing it takes several messages, each with its own timestamp.
            let abandoned = connection.fetch_one("SELECT now() <> statement_timestamp()").await?.try_get(0)?;
            if abandoned {
                connection.execute("ROLLBACK").await?;
            }
            Ok(true)
        }))
    })
}

#[cfg(feature = "mysql")]
fn roll_back_on_mysql_release(pool: PoolOptions<sqlx::MySql>) -> PoolOptions<sqlx::MySql> {
    use sea_orm::sqlx::Executor as _;
    pool.after_release(|connection, _| {
        Box::pin(with_check_timeout(async move { connection.execute("ROLLBACK").await.map(|_| true) }))
    })
}

/// Limits the time of a check. The error makes the pool drop the connection without further messages to it.
#[cfg(any(feature = "postgres", feature = "mysql"))]
async fn with_check_timeout<T>(check: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let timed_out = || sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "the server didn't answer"));
    tokio::time::timeout(CHECK_TIMEOUT, check).await.unwrap_or_else(|_| Err(timed_out()))
}
