//! Many rows as PostgreSQL takes them with the least work: a list for each column. One statement does for
//! any number of rows, and has ten parameters instead of thousands, which would be planned anew each time.
//!
//! The lists are texts, since an array of SeaORM's holds no NULL.

use std::{borrow::Cow, sync::OnceLock};

use sea_orm::Value;

use super::{
    Row,
    sql::{COLUMNS, Kind},
};

/// Between two values. It can't stand in JSON, nor in the name of an event.
const SEPARATOR: char = '\u{1e}';
/// In place of a value that isn't there.
const NULL: char = '\u{1f}';

/// The types of the columns.
const TYPES: [&str; COLUMNS.len()] =
    ["uuid", "text", "text", "boolean", "text", "bigint", "text", "bigint", "bigint", "text"];

/// The statement for these rows, at least two; `None` if one of them has a separator in it, which a sender may.
pub(super) fn statement(kind: Kind, rows: &[Row]) -> Option<(String, Vec<Value>)> {
    static MADE: [[OnceLock<String>; 2]; 2] = [const { [const { OnceLock::new() }; 2] }; 2];
    let values = (0..kind.columns()).map(|column| list(rows, column).map(Value::from)).collect::<Option<_>>()?;
    let made = &MADE[kind.existing as usize][usize::from(kind.all)];
    Some((made.get_or_init(|| kind.text(&lists(kind.columns()), rows.len())).clone(), values))
}

/// What is inserted.
fn lists(columns: usize) -> String {
    let list = |kind: &&str| format!("string_to_array(?, E'\\x1e', E'\\x1f')::{kind}[]");
    let lists = TYPES[..columns].iter().map(list).collect::<Vec<_>>().join(", ");
    format!("SELECT * FROM unnest({lists})")
}

fn list(rows: &[Row], column: usize) -> Option<String> {
    let mut list = String::new();
    for (n, row) in rows.iter().enumerate() {
        if n > 0 {
            list.push(SEPARATOR);
        }
        match text(row, column) {
            Some(text) if text.bytes().any(|byte| [SEPARATOR, NULL].contains(&char::from(byte))) => return None,
            Some(text) => list.push_str(&text),
            None => list.push(NULL),
        }
    }
    Some(list)
}

/// A column of a row, as PostgreSQL reads it.
fn text(row: &Row, column: usize) -> Option<Cow<'_, str>> {
    let number = |number: i64| Cow::Owned(number.to_string());
    let Row { event, options, held, dispatcher } = row;
    match COLUMNS[column] {
        "id" => Some(event.id.to_string().into()),
        "name" => Some(event.name.as_str().into()),
        "sender" => event.sender.as_deref().map(Cow::Borrowed),
        "broadcast" => Some(if event.broadcast { "t" } else { "f" }.into()),
        "body" => Some(event.body.as_str().into()),
        "created_at" => Some(number(event.created_at.as_millis())),
        "options" => options.as_deref().map(Cow::Borrowed),
        "relayed_at" => held.map(|(now, _)| number(now.as_millis())),
        "audit_at" => held.map(|(_, until)| number(until.as_millis())),
        _ => dispatcher.as_deref().map(Cow::Borrowed),
    }
}
