//! Explains statements that fail because thorn's tables are missing.

use sea_orm::DbErr;

use crate::error::Error;

/// The error for a table that is missing or of an older release.
pub(crate) fn missing(what: &str) -> Error {
    Error::Database(DbErr::Custom(format!(
        "{what}; call `thorn::migrate(&db)` once, or add `thorn::migrations()` to your migrator"
    )))
}

/// Says what to do if the statement failed because one of thorn's tables doesn't exist. Other errors stay as they
/// are.
pub(crate) fn explained(error: DbErr) -> Error {
    let message = error.to_string();
    if message.contains("thorn_") && (message.contains("no such table") || is_of_no_table(&error)) {
        return missing(&format!("thorn's tables are missing: {message}"));
    }
    error.into()
}

/// Whether PostgreSQL or MySQL says so by its code. SQLite has one code for all errors in a statement.
#[cfg(any(feature = "postgres", feature = "mysql"))]
fn is_of_no_table(error: &DbErr) -> bool {
    use sea_orm::RuntimeErr;

    match error {
        DbErr::Exec(RuntimeErr::SqlxError(cause)) | DbErr::Query(RuntimeErr::SqlxError(cause)) => {
            let code = cause.as_database_error().and_then(|cause| cause.code());
            matches!(code.as_deref(), Some("42P01" | "42S02"))
        }
        _ => false,
    }
}

#[cfg(not(any(feature = "postgres", feature = "mysql")))]
const fn is_of_no_table(_: &DbErr) -> bool {
    false
}
