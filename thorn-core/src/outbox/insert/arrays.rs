//! Inserts many rows with the least work for PostgreSQL: the statement takes an array for each column.
//!
//! One statement serves any number of rows. It has at most eleven parameters. PostgreSQL would plan a statement with
//! thousands of parameters anew each time.

use std::sync::OnceLock;

use sea_orm::Value;

use super::{
    row::{Row, absent},
    sql::{COLUMNS, Kind},
};

/// Stands for a missing text, because SeaORM's arrays hold no NULL.
const NO_TEXT: &str = "\u{1f}";
/// Stands for a missing number. No event has such a time.
const NO_NUMBER: i64 = i64::MIN;

/// The expression for each column, with `?` for the array.
///
/// The arrays are expanded in the SELECT list. After FROM, PostgreSQL would first store another copy of their
/// elements and then make rows of these.
const SOURCES: [&str; COLUMNS.len()] = [
    "unnest(?::uuid[])",
    "unnest(?::text[])",
    "NULLIF(unnest(?::text[]), E'\\x1f')",
    "unnest(?::boolean[])",
    "unnest(?::text[])",
    "unnest(?::bigint[])",
    "NULLIF(unnest(?::text[]), E'\\x1f')",
    "NULLIF(unnest(?::bigint[]), -9223372036854775808)",
    "NULLIF(unnest(?::bigint[]), -9223372036854775808)",
    "NULLIF(unnest(?::text[]), E'\\x1f')",
    "NULLIF(unnest(?::text[]), E'\\x1f')",
];

/// The statement for rows of this kind.
pub(super) fn statement(kind: Kind, rows: Vec<Row>) -> (String, Vec<Value>) {
    static MADE: [[OnceLock<String>; 2]; 2] = [const { [const { OnceLock::new() }; 2] }; 2];
    let made = &MADE[kind.on_conflict as usize][usize::from(kind.all)];
    let source = || format!("SELECT {}", SOURCES[..kind.columns()].join(", "));
    (made.get_or_init(|| kind.text(&source(), rows.len())).clone(), values(kind, rows))
}

/// Whether arrays can hold these rows: there are several, and no sender equals [`NO_TEXT`].
pub(super) fn can_hold(rows: &[Row]) -> bool {
    rows.len() > 1 && rows.iter().all(|row| row.event.sender.as_deref() != Some(NO_TEXT))
}

/// The arrays in the order of [`COLUMNS`].
fn values(kind: Kind, rows: Vec<Row>) -> Vec<Value> {
    let mut columns: Vec<_> = (0..kind.columns()).map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row.values()) {
            column.push(match value {
                Value::String(None) => NO_TEXT.into(),
                Value::BigInt(None) => NO_NUMBER.into(),
                value => value,
            });
        }
    }
    let array = |(sample, column): (Value, _)| Value::Array(sample.array_type(), Some(Box::new(column)));
    absent().into_iter().zip(columns).map(array).collect()
}
