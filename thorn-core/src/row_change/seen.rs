//! Deletes the notes of changes that the hooks have seen.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, Iterable, PrimaryKeyToColumn, Statement, Value,
    sea_query::ValueTuple,
};

use super::{
    column_kind::ColumnKind,
    operation::Operation,
    trigger::{key_array, mark, transaction},
    watched_table::{label, noted_change},
};
use crate::{db::Concrete, process};

/// Rows whose notes one statement deletes.
const ROWS: usize = 100;

/// Deletes the notes of these rows' changes, which the hooks have seen. If nothing is watched, it only reads a flag.
///
/// For each row, it deletes the newest note of this transaction about this operation. Older notes are changes that
/// went past the hooks. A change that triggers didn't note deletes nothing.
///
/// # Errors
///
/// The database's.
pub(crate) async fn seen<E, C>(
    operation: Operation,
    keys: impl FnOnce() -> Vec<ValueTuple>,
    db: &C,
) -> Result<(), DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    if !is_noted::<E>(operation) {
        return Ok(());
    }
    let keys = keys();
    // Boxed, so that the future of a save doesn't grow where nothing is watched.
    Box::pin(forget::<E, C>(operation, &label(&E::default()), keys, db)).await
}

/// Whether a trigger notes this kind of change of this table. If nothing is watched, it only reads a flag.
pub(crate) fn is_noted<E: EntityTrait>(operation: Operation) -> bool {
    process::notes_anything() && process::is_noted(&noted_change(&label(&E::default()), operation))
}

async fn forget<E, C>(operation: Operation, label: &str, keys: Vec<ValueTuple>, db: &C) -> Result<(), DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let backend = db.get_database_backend();
    let kinds: Vec<_> =
        E::PrimaryKey::iter().map(|key| ColumnKind::of(key.into_column().def().get_column_type())).collect();
    for keys in keys.chunks(ROWS) {
        let (marks, values) = marks(backend, label, operation, &kinds, keys);
        // On a connection that commits each statement, the note belongs to another transaction.
        let own = if Concrete::of(db).is_transaction() {
            format!(" AND txn = {}", transaction(backend))
        } else {
            String::new()
        };
        let newest = format!("SELECT MAX(id) AS id FROM thorn_row_change WHERE mark IN ({marks}){own} GROUP BY mark");
        if backend != DbBackend::MySql {
            let sql = format!("DELETE FROM thorn_row_change WHERE id IN ({newest})");
            db.execute_raw(Statement::from_sql_and_values(backend, sql, values)).await?;
            continue;
        }
        // At MySQL's default level, a DELETE that searches would lock gaps between the notes of other connections.
        let rows = db.query_all_raw(Statement::from_sql_and_values(backend, newest, values)).await?;
        let ids: Vec<i64> = rows.iter().map(|row| row.try_get("", "id")).collect::<Result<_, _>>()?;
        if !ids.is_empty() {
            super::note::delete_notes(db, &ids).await?;
        }
    }
    Ok(())
}

/// SQL for the marks of these keys, with the parameters.
fn marks(
    backend: DbBackend,
    label: &str,
    operation: Operation,
    kinds: &[ColumnKind],
    keys: &[ValueTuple],
) -> (String, Vec<Value>) {
    let mut values = Vec::with_capacity(keys.len() * kinds.len());
    let mut all = Vec::with_capacity(keys.len());
    for key in keys {
        let mut parts = Vec::with_capacity(kinds.len());
        for (value, kind) in key.clone().into_iter().zip(kinds) {
            values.push(value);
            let parameter = match backend {
                DbBackend::Postgres => format!("${}", values.len()),
                DbBackend::MySql => "?".to_owned(),
                _ => format!("?{}", values.len()),
            };
            parts.push(kind.in_key(backend, &parameter));
        }
        all.push(mark(backend, label, operation, &key_array(backend, &parts)));
    }
    (all.join(", "), values)
}
