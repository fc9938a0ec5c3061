//! A table with the parts that its triggers and its notes need.

use std::borrow::Cow;

use sea_orm::{ColumnTrait, EntityTrait, IdenStatic, Iterable, PrimaryKeyToColumn};
use serde::{Deserialize, Serialize};

use super::{column_kind::ColumnKind, operation::Operation};

/// A table whose changes are noted. `thorn_watch` stores it as JSON.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct WatchedTable {
    pub(crate) schema: Option<String>,
    pub(crate) name: String,
    /// The operations that the triggers note.
    pub(crate) operations: Vec<Operation>,
    pub(crate) columns: Vec<Column>,
    /// Places of the primary key's columns in `columns`, in the order of the key.
    pub(crate) key: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// The column's name in the data of events.
    pub(crate) json_key: String,
    pub(crate) kind: ColumnKind,
}

impl WatchedTable {
    pub(crate) fn of<E: EntityTrait>(operations: Vec<Operation>) -> Self {
        let column = |column: E::Column| Column {
            name: column.as_str().to_owned(),
            json_key: column.json_key().to_owned(),
            kind: ColumnKind::of(column.def().get_column_type()),
        };
        let columns: Vec<_> = E::Column::iter().map(column).collect();
        let place = |key: E::PrimaryKey| {
            let key = key.into_column();
            columns.iter().position(|column| column.name == key.as_str())
        };
        let entity = E::default();
        Self {
            schema: entity.schema_name().map(str::to_owned),
            name: entity.table_name().to_owned(),
            operations,
            key: E::PrimaryKey::iter().filter_map(place).collect(),
            columns,
        }
    }

    /// The table's name in notes, with its schema if the entity names one.
    pub(crate) fn label(&self) -> Cow<'_, str> {
        named(self.schema.as_deref(), &self.name)
    }

    /// The columns of the primary key.
    pub(crate) fn key_columns(&self) -> impl Iterator<Item = &Column> {
        self.key.iter().filter_map(|place| self.columns.get(*place))
    }

    /// The noted changes as the process knows them.
    pub(crate) fn noted(&self) -> impl Iterator<Item = String> {
        self.operations.iter().map(|operation| noted_change(&self.label(), *operation))
    }
}

/// The name of an entity's table in notes.
pub(crate) fn label<E: EntityTrait>(entity: &E) -> Cow<'_, str> {
    named(entity.schema_name(), entity.table_name())
}

fn named<'a>(schema: Option<&str>, table: &'a str) -> Cow<'a, str> {
    schema.map_or(Cow::Borrowed(table), |schema| format!("{schema}.{table}").into())
}

/// A kind of change, such as `article:create`.
pub(super) fn noted_change(label: &str, operation: Operation) -> String {
    format!("{label}:{operation}")
}
