//! Which errors of a database say that it won't ever take what it was given.

use sea_orm::DbErr;

use crate::error::Error;

/// Whether the data itself was refused, by a constraint, a trigger or its size. Everything else (the
/// database is away, busy, full, read-only) is a matter of time.
pub(super) fn is_refused(error: &Error) -> bool {
    matches!(error, Error::Database(error) if code(error).is_some_and(|code| refuses(&code)))
}

/// The database's own code, if it answered.
#[cfg(any(feature = "sqlite", feature = "postgres", feature = "mysql"))]
fn code(error: &DbErr) -> Option<String> {
    use sea_orm::RuntimeErr;

    match error {
        DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => {
            Some(error.as_database_error()?.code()?.into_owned())
        }
        _ => None,
    }
}

#[cfg(not(any(feature = "sqlite", feature = "postgres", feature = "mysql")))]
const fn code(_: &DbErr) -> Option<String> {
    None
}

/// Codes of five characters are SQLSTATE (PostgreSQL, MySQL), of which classes 22, 23 and 44 are data and
/// constraints, 45 and `P0001` what a trigger raises unless it says otherwise; others are SQLite's, whose last eight bits are the primary code:
/// `SQLITE_TOOBIG`, `SQLITE_CONSTRAINT`, `SQLITE_MISMATCH`.
fn refuses(code: &str) -> bool {
    match code.parse::<u32>() {
        _ if code.len() == 5 => code == "P0001" || ["22", "23", "44", "45"].iter().any(|class| code.starts_with(class)),
        Ok(code) => matches!(code & 0xff, 18..=20),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::refuses;

    #[test]
    fn only_what_the_data_is_to_blame_for() {
        // 1811 is SQLITE_CONSTRAINT_TRIGGER, 2067 SQLITE_CONSTRAINT_UNIQUE.
        for code in ["19", "1811", "2067", "18", "22001", "22021", "23514", "45000", "P0001"] {
            assert!(refuses(code), "{code}");
        }
        // Busy, busy snapshot, read-only, full; deadlock, out of space, shutdown.
        for code in ["5", "517", "8", "13", "40P01", "40001", "53100", "57P01", "HY000", ""] {
            assert!(!refuses(code), "{code}");
        }
    }
}
