//! Parameters and conflict clauses of SQL statements that run on every database.
//!
//! The statements that run for every event and delivery are written by hand instead of with sea-query. In
//! sea-query they would consist mostly of custom expressions: `unnest`, the conflict clauses of each database, an
//! INSERT that notifies other processes. It also builds the text anew on each call, while the busiest statements
//! keep theirs. Only the placeholders differ between databases, and [`number_placeholders`] covers that.

use sea_orm::{DbBackend, DbErr, SqlErr, Statement, Value};

/// Builds a statement from SQL whose parameters are written as `?`.
pub(crate) fn statement(backend: DbBackend, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(backend, number_placeholders(backend, sql), values)
}

/// Numbers the placeholders for PostgreSQL, which writes them as `$1`, `$2` and so on.
///
/// `sql` must not contain a `?` that isn't a placeholder, such as one in a string or a JSON operator.
pub(crate) fn number_placeholders(backend: DbBackend, sql: &str) -> String {
    if backend != DbBackend::Postgres {
        return sql.to_owned();
    }
    let mut numbered = String::with_capacity(sql.len() + 16);
    for (n, part) in sql.split('?').enumerate() {
        if n > 0 {
            numbered.push_str(&format!("${n}"));
        }
        numbered.push_str(part);
    }
    numbered
}

/// An INSERT's way with a row that already exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnConflict {
    /// The statement fails.
    Fail,
    /// The existing row stays unchanged.
    DoNothing,
}

impl OnConflict {
    /// The clause at the end of the INSERT.
    pub(crate) const fn clause(self, backend: DbBackend) -> &'static str {
        match self {
            Self::Fail => "",
            Self::DoNothing => on_conflict_do_nothing(backend),
        }
    }
}

/// The clause for an INSERT that leaves rows with an existing id unchanged.
pub(crate) const fn on_conflict_do_nothing(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::MySql => "ON DUPLICATE KEY UPDATE id = id",
        _ => "ON CONFLICT (id) DO NOTHING",
    }
}

/// Whether the statement failed because a unique value already exists.
pub(crate) fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_numbered_only_for_postgresql() {
        let sql = "SELECT ? WHERE a <= ? AND b = ?";
        assert_eq!(number_placeholders(DbBackend::Postgres, sql), "SELECT $1 WHERE a <= $2 AND b = $3");
        assert_eq!(number_placeholders(DbBackend::Sqlite, sql), sql);
        assert_eq!(number_placeholders(DbBackend::MySql, sql), sql);
    }
}
