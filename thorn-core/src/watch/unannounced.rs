//! Changes that went past the hooks, as operators and tests see them.

use std::fmt;

use sea_orm::{DatabaseConnection, EntityTrait, QueryOrder};
use serde::Serialize;
use serde_json::Value;

use crate::{
    error::Error,
    row_change::Operation,
    tables::row_change::{Column, Entity, Model},
};

/// A change of a row that no hook has seen.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Unannounced {
    /// The table, with its schema if the entity names one.
    pub table: String,
    /// The operation.
    pub operation: Operation,
    /// The row's primary key. A composite key is an array, and a truncation has null.
    pub key: Value,
    /// The row before the change as the database writes it in JSON, unless the table is only reported.
    pub old: Option<Value>,
    /// The row after the change, in the same way.
    pub new: Option<Value>,
}

impl fmt::Display for Unannounced {
    /// As in ``table `article`, key 5: change``.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "table `{}`", self.table)?;
        if !self.key.is_null() {
            write!(f, ", key {}", self.key)?;
        }
        write!(f, ": {}", self.operation)
    }
}

impl From<Model> for Unannounced {
    fn from(note: Model) -> Self {
        let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
        Self {
            operation: operation(&note),
            key: key(&note),
            table: note.table_name,
            old: json(note.old_row),
            new: json(note.new_row),
        }
    }
}

/// Reads the changes that went past the hooks and that no worker has taken up yet, the oldest first.
///
/// They stay where they are. [`Watch::collect`](super::Watch::collect) keeps workers away from them.
///
/// # Errors
///
/// [`Error::Database`].
pub async fn unannounced(db: &DatabaseConnection) -> Result<Vec<Unannounced>, Error> {
    let notes = Entity::find().order_by_asc(Column::Id).all(db).await?;
    Ok(notes.into_iter().map(Unannounced::from).collect())
}

/// The operation of a note. A trigger of a later release may have written another word.
pub(super) fn operation(note: &Model) -> Operation {
    Operation::of(&note.operation).unwrap_or(Operation::Change)
}

fn key(note: &Model) -> Value {
    match note.row_key.as_deref().map(serde_json::from_str) {
        Some(Ok(Value::Array(mut key))) if key.len() == 1 => key.remove(0),
        Some(Ok(key)) => key,
        Some(Err(_)) => note.row_key.clone().into(),
        None => Value::Null,
    }
}

/// The most keys of one report.
const KEYS: usize = 100;

/// The most bytes of the keys of one report. An event may have 256 KiB.
const KEY_BYTES: usize = 32 * 1024;

/// The unannounced changes of one transaction, table and operation: the data of the event for operators.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub(super) table: String,
    pub(super) operation: Operation,
    pub(super) rows: usize,
    pub(super) keys: Vec<Value>,
    /// The name patterns of the events that weren't announced.
    pub(super) events: Vec<String>,
    #[serde(skip)]
    txn: i64,
    #[serde(skip)]
    key_bytes: usize,
}

/// Adds a change to the report about its transaction, table and operation.
pub(super) fn add_to(reports: &mut Vec<Report>, note: &Model, operation: Operation, events: Vec<String>) {
    let is_same = |report: &Report| {
        (report.txn, report.operation) == (note.txn, operation)
            && report.table == note.table_name
            && report.events == events
    };
    let at = reports.iter().position(is_same).unwrap_or_else(|| {
        let (table, txn) = (note.table_name.clone(), note.txn);
        reports.push(Report { table, operation, rows: 0, keys: Vec::new(), events, txn, key_bytes: 0 });
        reports.len() - 1
    });
    let report = &mut reports[at];
    report.rows += 1;
    let bytes = note.row_key.as_ref().map_or(0, String::len);
    if bytes > 0 && report.keys.len() < KEYS && report.key_bytes + bytes <= KEY_BYTES {
        report.key_bytes += bytes;
        report.keys.push(key(note));
    }
}
