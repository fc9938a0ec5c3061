//! The texts of the statements that insert events.
//!
//! There are few texts, so that each is prepared once for a connection. Preparing a statement may cost more than
//! inserting its rows.

use std::sync::OnceLock;

use sea_orm::DbBackend;

use crate::{
    db::{OnConflict, number_placeholders},
    outbox::notification,
};

/// The columns that every event fills, then the columns that are null for most events.
pub(super) const COLUMNS: [&str; 11] = [
    "id",
    "name",
    "sender",
    "broadcast",
    "body",
    "created_at",
    "options",
    "relayed_at",
    "audit_at",
    "dispatcher",
    "media_type",
];

/// The number of columns that every event fills.
const USUAL: usize = 6;

/// Batch sizes with a prepared statement. A smaller batch uses the next size up and a LIMIT. This costs less than a
/// statement for every number of rows.
const ROOMS: [usize; 18] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, LONGEST];

/// The maximum number of rows in a statement.
pub(super) const LONGEST: usize = 512;

/// The properties that decide a statement's text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) backend: DbBackend,
    pub(super) on_conflict: OnConflict,
    /// Whether the statement has the rare columns, too.
    pub(super) all: bool,
}

/// One INSERT.
#[derive(Debug)]
pub(super) struct Insert {
    pub(super) sql: String,
    /// The number of rows that the statement takes values for.
    pub(super) room: usize,
    /// Whether the values are followed by the number of rows to insert.
    pub(super) limited: bool,
}

impl Kind {
    pub(super) const fn columns(self) -> usize {
        if self.all { COLUMNS.len() } else { USUAL }
    }

    /// The statement for this number of rows, which is at least 1 and at most [`LONGEST`].
    pub(super) fn insert(self, rows: usize) -> Insert {
        static MADE: [[[[OnceLock<String>; ROOMS.len()]; 2]; 2]; 3] =
            [const { [const { [const { [const { OnceLock::new() }; ROOMS.len()] }; 2] }; 2] }; 3];
        let size = ROOMS.partition_point(|room| *room < rows).min(ROOMS.len() - 1);
        let place = match self.backend {
            DbBackend::Sqlite => 0,
            // MySQL and MariaDB write a list of rows differently. PostgreSQL takes many rows as arrays.
            _ if size > 0 => return Insert { sql: self.values(rows, false), room: rows, limited: false },
            DbBackend::Postgres => 1,
            _ => 2,
        };
        let (room, limited) = (ROOMS[size], size > 0);
        let made = &MADE[place][self.on_conflict as usize][usize::from(self.all)][size];
        Insert { sql: made.get_or_init(|| self.values(room, limited)).clone(), room, limited }
    }

    fn values(self, rows: usize, limited: bool) -> String {
        let row = format!("({})", vec!["?"; self.columns()].join(", "));
        let values = format!("VALUES {}", vec![row; rows].join(", "));
        if limited {
            // With `?` alone, SQLite would check whether the number leads to another plan. So it would prepare the
            // statement each time.
            self.text(&format!("SELECT * FROM ({values}) AS event LIMIT ? + 0"), rows)
        } else {
            self.text(&values, rows)
        }
    }

    /// The statement that inserts the rows that `source` returns.
    pub(super) fn text(self, source: &str, rows: usize) -> String {
        let columns = COLUMNS[..self.columns()].join(", ");
        let insert = format!("INSERT INTO thorn_event ({columns}) {source} {}", self.on_conflict.clause(self.backend));
        let insert = insert.trim_end().to_owned();
        number_placeholders(self.backend, &notification::announcing(self.backend, insert, rows))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(backend: DbBackend, rows: usize) -> Insert {
        Kind { backend, on_conflict: OnConflict::Fail, all: false }.insert(rows)
    }

    #[test]
    fn few_statements_have_room_for_every_number_of_rows() {
        let mut texts = std::collections::HashSet::new();
        for rows in 1..=LONGEST {
            let Insert { sql, room, limited } = insert(DbBackend::Sqlite, rows);
            assert!(rows <= room && 2 * room <= 3 * rows, "{room} for {rows}");
            assert_eq!(limited, rows > 1);
            texts.insert(sql);
            let exact = insert(DbBackend::MySql, rows);
            assert!(exact.room == rows && !exact.limited);
            assert_eq!(exact.sql.matches('?').count(), rows * USUAL);
        }
        assert_eq!(texts.len(), ROOMS.len());
    }

    #[test]
    fn what_is_inserted_is_announced_by_the_same_statement() {
        let columns = "id, name, sender, broadcast, body, created_at";
        let row = format!("INSERT INTO thorn_event ({columns}) VALUES (?, ?, ?, ?, ?, ?)");
        assert_eq!(insert(DbBackend::Sqlite, 1).sql, row);
        let row = format!("INSERT INTO thorn_event ({columns}) VALUES ($1, $2, $3, $4, $5, $6)");
        assert_eq!(insert(DbBackend::Postgres, 1).sql, format!("{row} RETURNING pg_notify('thorn_event', '')"));
        assert_eq!(
            insert(DbBackend::Postgres, 2).sql,
            format!("WITH written AS ({row}, ($7, $8, $9, $10, $11, $12)) SELECT pg_notify('thorn_event', '')")
        );
    }
}
