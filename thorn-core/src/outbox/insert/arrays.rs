//! Many rows as PostgreSQL takes them with the least work: an array for each column. One statement does
//! for any number of rows, and has ten parameters instead of thousands, which would be planned anew each
//! time.

use std::{ops::Range, sync::OnceLock};

use sea_orm::Value;

use super::{
    Row, absent,
    sql::{COLUMNS, Kind},
};

/// In place of a text that isn't there, since an array of SeaORM's holds no NULL.
const NO_TEXT: &str = "\u{1f}";
/// In place of a number that isn't there. No event has such a time.
const NO_NUMBER: i64 = i64::MIN;

/// What stands for each column, with the array in place of `?`. Expanded in this place instead of after
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

/// The columns in which the events of one bulk operation are alike, mostly: name, sender and broadcast. What is
/// the same in all rows is bound once.
const OFTEN_ALIKE: Range<usize> = 1..4;

/// The statement for rows of this kind.
pub(super) fn statement(kind: Kind, rows: Vec<Row>) -> (String, Vec<Value>) {
    static MADE: [[[OnceLock<String>; 2]; 2]; 2] = [const { [const { [const { OnceLock::new() }; 2] }; 2] }; 2];
    let alike = are_alike(&rows);
    let made = &MADE[kind.existing as usize][usize::from(kind.all)][usize::from(alike)];
    let source = || {
        let column = |(n, array)| if alike && OFTEN_ALIKE.contains(&n) { "?" } else { array };
        let columns: Vec<_> = SOURCES[..kind.columns()].iter().copied().enumerate().map(column).collect();
        format!("SELECT {}", columns.join(", "))
    };
    (made.get_or_init(|| kind.text(&source(), rows.len())).clone(), values(kind, rows, alike))
}

/// Whether none has a sender that is what stands for none.
pub(super) fn can_hold(rows: &[Row]) -> bool {
    rows.len() > 1 && rows.iter().all(|row| row.event.sender.as_deref() != Some(NO_TEXT))
}

fn are_alike(rows: &[Row]) -> bool {
    fn of(row: &Row) -> (&str, Option<&str>, bool) {
        (&row.event.name, row.event.sender.as_deref(), row.event.broadcast)
    }
    rows.windows(2).all(|pair| of(&pair[0]) == of(&pair[1]))
}

/// In the order of [`COLUMNS`].
fn values(kind: Kind, rows: Vec<Row>, alike: bool) -> Vec<Value> {
    let mut columns: Vec<_> = (0..kind.columns()).map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row.values()) {
            column.push(value);
        }
    }
    let array = |(n, (sample, column)): (_, (Value, Vec<Value>))| {
        if alike && OFTEN_ALIKE.contains(&n) {
            return column.into_iter().next().unwrap_or(sample);
        }
        Value::Array(sample.array_type(), Some(Box::new(column.into_iter().map(in_array).collect())))
    };
    absent().into_iter().zip(columns).enumerate().map(array).collect()
}

fn in_array(value: Value) -> Value {
    match value {
        Value::String(None) => NO_TEXT.into(),
        Value::BigInt(None) => NO_NUMBER.into(),
        value => value,
    }
}
