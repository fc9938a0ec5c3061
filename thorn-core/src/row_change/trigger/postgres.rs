//! One function and its triggers for each table on PostgreSQL.

use sea_orm::DbBackend;

use super::{identifier, insert, qualified, trigger_name};
use crate::row_change::{operation::Operation, watched_table::WatchedTable};

const BACKEND: DbBackend = DbBackend::Postgres;

pub(super) fn create(table: &WatchedTable, home: &str, keeps_rows: bool) -> Vec<String> {
    let (function, on) = (function(table, home), qualified(BACKEND, table.schema.as_deref(), &table.name));
    let notes = qualified(BACKEND, Some(home), "thorn_row_change");
    let mut operations = table.operations.clone();
    if operations.contains(&Operation::Delete) {
        operations.push(Operation::Truncate);
    }
    let branch = |operation: &Operation| {
        let insert = insert(BACKEND, table, *operation, &notes, keeps_rows);
        format!("IF TG_OP = '{}' THEN {insert}; END IF;", operation.as_sql())
    };
    let branches: Vec<_> = operations.iter().map(branch).collect();
    let events: Vec<_> = table.operations.iter().map(|operation| operation.as_sql()).collect();
    // The function runs with the rights of its owner, so that other programs that write the table need none on
    // thorn's tables.
    let mut statements = vec![
        format!(
            "CREATE OR REPLACE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER \
             SET search_path = pg_catalog, pg_temp AS $thorn$ BEGIN {} RETURN NULL; END $thorn$",
            branches.join(" ")
        ),
        format!(
            "CREATE TRIGGER {} AFTER {} ON {on} FOR EACH ROW EXECUTE FUNCTION {function}()",
            identifier(BACKEND, &trigger_name(table, "row")),
            events.join(" OR ")
        ),
    ];
    if operations.contains(&Operation::Truncate) {
        statements.push(format!(
            "CREATE TRIGGER {} AFTER TRUNCATE ON {on} FOR EACH STATEMENT EXECUTE FUNCTION {function}()",
            identifier(BACKEND, &trigger_name(table, "truncate"))
        ));
    }
    statements
}

/// The triggers go with their function, even if the table is gone or has another name now.
pub(super) fn drop(table: &WatchedTable, home: &str) -> Vec<String> {
    vec![format!("DROP FUNCTION IF EXISTS {}() CASCADE", function(table, home))]
}

fn function(table: &WatchedTable, home: &str) -> String {
    qualified(BACKEND, Some(home), &trigger_name(table, "note"))
}
