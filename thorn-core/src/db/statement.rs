//! SQL that runs on every database: its parameters, and how much one statement may bring.

use sea_orm::{DbBackend, DbErr, SqlErr, Statement, Value};

/// A statement with its parameters written as `?`, which PostgreSQL wants numbered. The text has no
/// other question mark.
pub(crate) fn statement(backend: DbBackend, sql: &str, values: impl IntoIterator<Item = Value>) -> Statement {
    Statement::from_sql_and_values(backend, number_placeholders(backend, sql), values)
}

/// The text alone, for one that is kept.
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

/// What becomes of a row that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnConflict {
    /// It is an error.
    Fail,
    /// It stays as it is.
    DoNothing,
}

impl OnConflict {
    /// How an INSERT ends.
    pub(crate) const fn clause(self, backend: DbBackend) -> &'static str {
        match self {
            Self::Fail => "",
            Self::DoNothing => on_conflict_do_nothing(backend),
        }
    }
}

/// How an INSERT ends that leaves a row alone whose id is there already.
pub(crate) const fn on_conflict_do_nothing(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::MySql => "ON DUPLICATE KEY UPDATE id = id",
        _ => "ON CONFLICT (id) DO NOTHING",
    }
}

/// Whether something that is to be unique is there already.
pub(crate) fn is_unique_violation(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_for_postgresql_only() {
        let sql = "SELECT ? WHERE a <= ? AND b = ?";
        assert_eq!(number_placeholders(DbBackend::Postgres, sql), "SELECT $1 WHERE a <= $2 AND b = $3");
        assert_eq!(number_placeholders(DbBackend::Sqlite, sql), sql);
        assert_eq!(number_placeholders(DbBackend::MySql, sql), sql);
    }
}
