//! Many rows as PostgreSQL takes them with the least work: an array for each column. One statement does
//! for any number of rows, and has ten parameters instead of thousands, which would be planned anew each
//! time.

use std::sync::OnceLock;

use sea_orm::Value;

use super::{
    Row, absent,
    sql::{COLUMNS, Kind},
};

/// In place of a text that isn't there, since an array of SeaORM's holds no NULL.
const NO_TEXT: &str = "\u{1f}";
/// In place of a number that isn't there. No event has such a time.
const NO_NUMBER: i64 = i64::MIN;

/// The expression for each column, with the array in place of `?`. Expanded in this place instead of after
/// FROM, the arrays needn't be written down once more before a row is made of them.
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
];

/// The statement for rows of this kind.
pub(super) fn statement(kind: Kind, rows: Vec<Row>) -> (String, Vec<Value>) {
    static MADE: [[OnceLock<String>; 2]; 2] = [const { [const { OnceLock::new() }; 2] }; 2];
    let made = &MADE[kind.on_conflict as usize][usize::from(kind.all)];
    let source = || format!("SELECT {}", SOURCES[..kind.columns()].join(", "));
    (made.get_or_init(|| kind.text(&source(), rows.len())).clone(), values(kind, rows))
}

/// Whether these are several rows, none of which has a sender that is what stands for none.
pub(super) fn can_hold(rows: &[Row]) -> bool {
    rows.len() > 1 && rows.iter().all(|row| row.event.sender.as_deref() != Some(NO_TEXT))
}

/// In the order of [`COLUMNS`].
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
