//! One trigger for each operation on MySQL and MariaDB.

use sea_orm::DbBackend;

use super::{insert, qualified, trigger_name};
use crate::row_change::{operation::Operation, watched_table::WatchedTable};

const BACKEND: DbBackend = DbBackend::MySql;

pub(super) fn create(table: &WatchedTable, home: &str, keeps_rows: bool) -> Vec<String> {
    let on = qualified(BACKEND, table.schema.as_deref(), &table.name);
    let notes = qualified(BACKEND, Some(home), "thorn_row_change");
    let create = |operation: &Operation| {
        format!(
            "CREATE TRIGGER {} AFTER {} ON {on} FOR EACH ROW {}",
            name(table, *operation),
            operation.as_sql(),
            insert(BACKEND, table, *operation, &notes, keeps_rows)
        )
    };
    table.operations.iter().map(create).collect()
}

pub(super) fn drop(table: &WatchedTable) -> Vec<String> {
    let drop = |operation| format!("DROP TRIGGER IF EXISTS {}", name(table, operation));
    Operation::OF_ROWS.into_iter().map(drop).collect()
}

fn name(table: &WatchedTable, operation: Operation) -> String {
    qualified(BACKEND, table.schema.as_deref(), &trigger_name(table, operation.as_str()))
}
