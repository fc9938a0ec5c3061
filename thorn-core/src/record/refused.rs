//! Tells errors that another attempt would repeat from temporary ones.

use sea_orm::DbErr;

use crate::error::Error;

/// Whether the database refuses the data itself, by a constraint, a trigger or its size. Every other error
/// is temporary: the database is unreachable, busy, full or read-only.
pub(super) fn is_refused(error: &Error) -> bool {
    matches!(error, Error::Database(error) if code(error).is_some_and(|code| refuses(&code)))
}

/// The database's own error code, if it answered.
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

/// Whether this code is about the data.
///
/// - Five characters are an SQLSTATE (PostgreSQL, MySQL). Classes 22, 23 and 44 are data and constraints. A
///   trigger raises 45 or `P0001` unless it chooses another code.
/// - Other codes are SQLite's. The last eight bits are the primary code: `SQLITE_TOOBIG`,
///   `SQLITE_CONSTRAINT` or `SQLITE_MISMATCH`.
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
    fn only_errors_about_the_data_are_refusals() {
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
