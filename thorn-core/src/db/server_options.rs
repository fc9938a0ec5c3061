//! The options of a connection to a server, for the first connection and the pool's.
//!
//! # Works around
//!
//! sqlx-core 0.9.0 on Tokio looks up `[::1]` as the name of a host, with its brackets. These functions remove them.
//! Delete the functions once `postgres://me@[::1]/db` connects without them.

#[cfg(feature = "mysql")]
use sea_orm::sqlx::mysql::MySqlConnectOptions;
#[cfg(feature = "postgres")]
use sea_orm::sqlx::{self, postgres::PgConnectOptions};

/// The options of this URL.
#[cfg(feature = "postgres")]
pub(crate) fn postgres_options(url: &str) -> Result<PgConnectOptions, sqlx::Error> {
    url.parse().map(postgres)
}

#[cfg(feature = "postgres")]
pub(super) fn postgres(options: PgConnectOptions) -> PgConnectOptions {
    match in_brackets(options.get_host()).map(str::to_owned) {
        Some(address) => options.host(&address),
        None => options,
    }
}

#[cfg(feature = "mysql")]
pub(super) fn mysql(options: MySqlConnectOptions) -> MySqlConnectOptions {
    match in_brackets(options.get_host()).map(str::to_owned) {
        Some(address) => options.host(&address),
        None => options,
    }
}

fn in_brackets(host: &str) -> Option<&str> {
    host.strip_prefix('[')?.strip_suffix(']')
}
