//! The database's clock. Workers on several machines have it in common.

use sea_orm::DbBackend;

/// The time in microseconds since 1970, as SQL.
pub(crate) const fn now_in_micros(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)",
        DbBackend::MySql => "CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)",
        _ => "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
    }
}

/// The time in milliseconds since 1970, as SQL.
pub(crate) const fn now_in_millis(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        DbBackend::MySql => "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
        _ => "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    }
}
