//! How a column's value comes into the JSON of a note.

use sea_orm::{ColumnType, DbBackend};
use serde::{Deserialize, Serialize};

/// The types of columns that some database doesn't write into JSON as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ColumnKind {
    Plain,
    Bool,
    Uuid,
    Bytes,
    Json,
    /// `scale` is the number of digits after the point, if the column declares it.
    Decimal {
        scale: Option<u32>,
    },
    Float,
    Time,
    DateTime,
    /// MySQL converts it between time zones. Elsewhere it is as `DateTime`.
    Timestamp,
    TimestampWithTimeZone,
}

impl ColumnKind {
    pub(super) const fn of(column: &ColumnType) -> Self {
        match column {
            ColumnType::Boolean => Self::Bool,
            ColumnType::Uuid => Self::Uuid,
            ColumnType::Binary(_) | ColumnType::VarBinary(_) | ColumnType::Blob => Self::Bytes,
            ColumnType::Json | ColumnType::JsonBinary => Self::Json,
            ColumnType::Decimal(Some((_, scale))) | ColumnType::Money(Some((_, scale))) => {
                Self::Decimal { scale: Some(*scale) }
            }
            ColumnType::Decimal(None) | ColumnType::Money(None) => Self::Decimal { scale: None },
            ColumnType::Float | ColumnType::Double => Self::Float,
            ColumnType::Time => Self::Time,
            ColumnType::DateTime => Self::DateTime,
            ColumnType::Timestamp => Self::Timestamp,
            ColumnType::TimestampWithTimeZone => Self::TimestampWithTimeZone,
            _ => Self::Plain,
        }
    }

    /// SQL for the value in the key of a note.
    ///
    /// The trigger has the column in place of `value`, the hook a bound parameter. Both must give the same text. On
    /// MySQL `value` occurs once, because a parameter there has no number.
    pub(super) fn in_key(self, backend: DbBackend, value: &str) -> String {
        match (backend, self) {
            (DbBackend::Sqlite, Self::Decimal { .. }) => format!("CAST({value} AS REAL)"),
            // Texts of one moment may differ in their form.
            (DbBackend::Sqlite, Self::DateTime | Self::Timestamp | Self::TimestampWithTimeZone) => {
                format!("coalesce(strftime('%Y-%m-%d %H:%M:%f', {value}), {value})")
            }
            (DbBackend::MySql, Self::DateTime | Self::Timestamp | Self::TimestampWithTimeZone) => {
                format!("DATE_FORMAT({value}, '%Y-%m-%d %H:%i:%s.%f')")
            }
            (DbBackend::MySql, Self::Time) => format!("TIME_FORMAT({value}, '%H:%i:%s.%f')"),
            (DbBackend::MySql, Self::Float) => format!("CAST({value} AS DOUBLE)"),
            _ => self.in_row(backend, value),
        }
    }

    /// SQL for the value in the old and the new row of a note.
    pub(super) fn in_row(self, backend: DbBackend, value: &str) -> String {
        match (backend, self) {
            // JSON can't hold a blob, and a column of SQLite may hold one whatever its type is.
            (DbBackend::Sqlite, Self::Uuid) => format!("CASE typeof({value}) WHEN 'blob' THEN {} ELSE {value} END", {
                let part = |from, length| format!("substr(lower(hex({value})), {from}, {length})");
                [part(1, 8), part(9, 4), part(13, 4), part(17, 4), part(21, 12)].join(" || '-' || ")
            }),
            (DbBackend::Sqlite, _) => {
                format!("CASE typeof({value}) WHEN 'blob' THEN lower(hex({value})) ELSE {value} END")
            }
            (DbBackend::MySql, Self::Uuid) => {
                let hex = format!("LOWER(HEX({value}))");
                [9, 14, 19, 24].iter().fold(hex, |text, at| format!("INSERT({text}, {at}, 0, '-')"))
            }
            (DbBackend::MySql, Self::Bytes) => format!("LOWER(HEX({value}))"),
            // MariaDB's JSON is a text, which would otherwise be quoted if the column doesn't check it.
            (DbBackend::MySql, Self::Json) => format!("JSON_EXTRACT({value}, '$')"),
            (DbBackend::MySql, Self::Decimal { .. }) => format!("CAST({value} AS CHAR)"),
            (DbBackend::MySql, Self::Timestamp | Self::TimestampWithTimeZone) => {
                format!("DATE_FORMAT(CONVERT_TZ({value}, @@session.time_zone, '+00:00'), '%Y-%m-%d %H:%i:%s.%f')")
            }
            _ => value.to_owned(),
        }
    }
}
