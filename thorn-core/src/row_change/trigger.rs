//! The SQL of the triggers, on each database.

mod mysql;
mod postgres;
mod sqlite;

use sea_orm::DbBackend;
use sha2::{Digest as _, Sha256};

use super::{
    operation::Operation,
    watched_table::{WatchedTable, noted_change},
};

/// The statements that create the triggers of a table. `keeps_rows` says whether notes have the old and the new row.
///
/// `home` is the schema (on MySQL: the database) with thorn's tables. On SQLite there is none.
pub(crate) fn create(backend: DbBackend, table: &WatchedTable, home: &str, keeps_rows: bool) -> Vec<String> {
    match backend {
        DbBackend::Postgres => postgres::create(table, home, keeps_rows),
        DbBackend::MySql => mysql::create(table, home, keeps_rows),
        _ => sqlite::create(table, keeps_rows),
    }
}

/// The statements that drop the triggers of a table. The table and its triggers may be gone already.
pub(crate) fn drop(backend: DbBackend, table: &WatchedTable, home: &str) -> Vec<String> {
    match backend {
        DbBackend::Postgres => postgres::drop(table, home),
        DbBackend::MySql => mysql::drop(table),
        _ => sqlite::drop(table),
    }
}

/// The names of the triggers of a table.
pub(crate) fn trigger_names(backend: DbBackend, table: &WatchedTable) -> Vec<String> {
    let suffixes: Vec<_> = match backend {
        DbBackend::Postgres if table.operations.contains(&Operation::Delete) => vec!["row", "truncate"],
        DbBackend::Postgres => vec!["row"],
        _ => table.operations.iter().map(|operation| operation.as_str()).collect(),
    };
    suffixes.into_iter().map(|suffix| trigger_name(table, suffix)).collect()
}

/// SQL for the present moment in milliseconds, by the clock of the database.
pub(crate) const fn now(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "(extract(epoch FROM clock_timestamp()) * 1000)::bigint",
        DbBackend::MySql => "CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
        _ => "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    }
}

/// SQL for the transaction of a note. MySQL doesn't tell the id of a transaction, so a note has that of the
/// connection. SQLite has one writer at a time.
pub(super) const fn transaction(backend: DbBackend) -> &'static str {
    match backend {
        DbBackend::Postgres => "pg_current_xact_id()::text::bigint",
        DbBackend::MySql => "CONNECTION_ID()",
        _ => "0",
    }
}

/// SQL for a primary key as a JSON array.
pub(super) fn key_array(backend: DbBackend, values: &[String]) -> String {
    let function = match backend {
        DbBackend::Postgres => "jsonb_build_array",
        DbBackend::MySql => "JSON_ARRAY",
        _ => "json_array",
    };
    format!("{function}({})", values.join(", "))
}

/// SQL for the mark, by which a hook finds the notes of a row. A hash, because an index doesn't take any length.
pub(super) fn mark(backend: DbBackend, label: &str, operation: Operation, key: &str) -> String {
    let change = literal(backend, &format!("{}:", noted_change(label, operation)));
    match backend {
        DbBackend::Postgres => format!("md5({change} || ({key})::text)"),
        DbBackend::MySql => format!("MD5(CONVERT(CONCAT({change}, {key}) USING utf8mb4))"),
        _ => format!("{change} || {key}"),
    }
}

/// The columns that every trigger writes, in this order.
const COLUMNS: &str = "table_name, operation, row_key, mark, txn, old_row, new_row, noted_at";

/// The INSERT of a note about one operation, as the body of a trigger.
fn insert(backend: DbBackend, table: &WatchedTable, operation: Operation, notes: &str, keeps_rows: bool) -> String {
    let label = table.label();
    let (key, mark) = match operation {
        Operation::Truncate => ("NULL".to_owned(), "''".to_owned()),
        _ => {
            let key = key_of(backend, table, record(operation));
            let mark = mark(backend, &label, operation, &key);
            (if backend == DbBackend::Postgres { format!("{key}::text") } else { key }, mark)
        }
    };
    let [old, new] = rows(operation, keeps_rows, |row| match backend {
        DbBackend::Postgres => format!("to_jsonb({row})::text"),
        DbBackend::MySql => format!("JSON_OBJECT({})", members(backend, table, row)),
        _ => format!("json_object({})", members(backend, table, row)),
    });
    format!(
        "INSERT INTO {notes} ({COLUMNS}) VALUES ({}, '{operation}', {key}, {mark}, {}, {old}, {new}, {})",
        literal(backend, &label),
        transaction(backend),
        now(backend)
    )
}

/// The primary key of the row that `row` (`OLD` or `NEW`) stands for.
fn key_of(backend: DbBackend, table: &WatchedTable, row: &str) -> String {
    let column = |column: &super::watched_table::Column| {
        column.kind.in_key(backend, &format!("{row}.{}", identifier(backend, &column.name)))
    };
    key_array(backend, &table.key_columns().map(column).collect::<Vec<_>>())
}

/// The record with the key: the new one, if there is one.
const fn record(operation: Operation) -> &'static str {
    match operation {
        Operation::Create | Operation::Change => "NEW",
        Operation::Delete | Operation::Truncate => "OLD",
    }
}

/// The old and the new row as `json` makes them from `OLD` and `NEW`, or nulls.
fn rows(operation: Operation, keeps_rows: bool, json: impl Fn(&str) -> String) -> [String; 2] {
    let has = |row| match operation {
        Operation::Create => row == "NEW",
        Operation::Change => true,
        Operation::Delete => row == "OLD",
        Operation::Truncate => false,
    };
    ["OLD", "NEW"].map(|row| if keeps_rows && has(row) { json(row) } else { "NULL".to_owned() })
}

/// `'column', value, …` for the functions that make a JSON object.
fn members(backend: DbBackend, table: &WatchedTable, row: &str) -> String {
    let member = |column: &super::watched_table::Column| {
        let value = column.kind.in_row(backend, &format!("{row}.{}", identifier(backend, &column.name)));
        format!("{}, {value}", literal(backend, &column.name))
    };
    table.columns.iter().map(member).collect::<Vec<_>>().join(", ")
}

/// The name of a trigger, within the 63 characters that PostgreSQL takes. The hash keeps cut names apart.
fn trigger_name(table: &WatchedTable, suffix: &str) -> String {
    let label = table.label();
    let hash = Sha256::digest(label.as_bytes());
    let readable: String = table.name.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(24).collect();
    format!("thorn_watch_{readable}_{:02x}{:02x}{:02x}{:02x}_{suffix}", hash[0], hash[1], hash[2], hash[3])
}

/// A quoted identifier.
fn identifier(backend: DbBackend, name: &str) -> String {
    match backend {
        DbBackend::MySql => format!("`{}`", name.replace('`', "``")),
        _ => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A table or trigger with its schema.
fn qualified(backend: DbBackend, schema: Option<&str>, name: &str) -> String {
    let name = identifier(backend, name);
    schema.map_or_else(|| name.clone(), |schema| format!("{}.{name}", identifier(backend, schema)))
}

/// A text in SQL.
fn literal(backend: DbBackend, text: &str) -> String {
    let text = text.replace('\'', "''");
    match backend {
        DbBackend::MySql => format!("'{}'", text.replace('\\', "\\\\")),
        _ => format!("'{text}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trigger_names_are_short_and_differ_for_long_names_and_for_schemas() {
        let table = |schema: Option<&str>, name: &str| WatchedTable {
            schema: schema.map(str::to_owned),
            name: name.to_owned(),
            operations: Vec::new(),
            columns: Vec::new(),
            key: Vec::new(),
        };
        let long = "a".repeat(63);
        let names = [
            trigger_name(&table(None, &long), "truncate"),
            trigger_name(&table(None, &format!("{long}b")), "truncate"),
            trigger_name(&table(Some("blog"), &long), "truncate"),
            trigger_name(&table(None, "naïve \"table\""), "truncate"),
        ];
        assert!(names.iter().all(|name| name.len() <= 63), "{names:?}");
        assert!((1..names.len()).all(|n| !names[..n].contains(&names[n])), "{names:?}");
    }
}
