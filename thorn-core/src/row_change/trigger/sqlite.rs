//! One trigger for each operation on SQLite.

use sea_orm::DbBackend;

use super::{identifier, insert, trigger_name};
use crate::row_change::{operation::Operation, watched_table::WatchedTable};

const BACKEND: DbBackend = DbBackend::Sqlite;

pub(super) fn create(table: &WatchedTable, keeps_rows: bool) -> Vec<String> {
    let create = |operation: &Operation| {
        format!(
            "CREATE TRIGGER {} AFTER {} ON {} BEGIN {}; END",
            name(table, *operation),
            operation.as_sql(),
            identifier(BACKEND, &table.name),
            insert(BACKEND, table, *operation, "thorn_row_change", keeps_rows)
        )
    };
    table.operations.iter().map(create).collect()
}

pub(super) fn drop(table: &WatchedTable) -> Vec<String> {
    let drop = |operation| format!("DROP TRIGGER IF EXISTS {}", name(table, operation));
    Operation::OF_ROWS.into_iter().map(drop).collect()
}

fn name(table: &WatchedTable, operation: Operation) -> String {
    identifier(BACKEND, &trigger_name(table, operation.as_str()))
}
