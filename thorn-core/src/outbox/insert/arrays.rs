//! Many rows as PostgreSQL takes them with the least work: an array for each column. One statement does
//! for any number of rows, and has ten parameters instead of thousands, which would be planned anew each
//! time.

use std::sync::OnceLock;

use sea_orm::Value;

use super::{
    Row,
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

/// The statement for these rows, at least two; `None` if a sender is what stands for none.
pub(super) fn statement(kind: Kind, rows: &[Row]) -> Option<(String, Vec<Value>)> {
    static MADE: [[OnceLock<String>; 2]; 2] = [const { [const { OnceLock::new() }; 2] }; 2];
    if rows.iter().any(|row| row.event.sender.as_deref() == Some(NO_TEXT)) {
        return None;
    }
    let made = &MADE[kind.existing as usize][usize::from(kind.all)];
    let source = || format!("SELECT {}", SOURCES[..kind.columns()].join(", "));
    Some((made.get_or_init(|| kind.text(&source(), rows.len())).clone(), values(kind, rows)))
}

/// In the order of [`COLUMNS`].
fn values(kind: Kind, rows: &[Row]) -> Vec<Value> {
    let events = || rows.iter().map(|row| &row.event);
    let texts = |of: fn(&Row) -> Option<&str>| -> Value {
        rows.iter().map(|row| of(row).unwrap_or(NO_TEXT).to_owned()).collect::<Vec<_>>().into()
    };
    let times = |of: fn(&Row) -> Option<i64>| -> Value {
        rows.iter().map(|row| of(row).unwrap_or(NO_NUMBER)).collect::<Vec<_>>().into()
    };
    let mut values = vec![
        events().map(|event| event.id.as_uuid()).collect::<Vec<_>>().into(),
        texts(|row| Some(&row.event.name)),
        texts(|row| row.event.sender.as_deref()),
        events().map(|event| event.broadcast).collect::<Vec<_>>().into(),
        texts(|row| Some(&row.event.body)),
        times(|row| Some(row.event.created_at.as_millis())),
    ];
    if kind.all {
        values.extend([
            texts(|row| row.options.as_deref()),
            times(|row| row.held.map(|(now, _)| now.as_millis())),
            times(|row| row.held.map(|(_, until)| until.as_millis())),
            texts(|row| row.dispatcher.as_deref()),
        ]);
    }
    values
}
