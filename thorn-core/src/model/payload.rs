//! Columns as the data of an event.

use std::fmt;

use sea_orm::{ColumnTrait, EntityTrait, Iterable, ModelTrait};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::column_json::ColumnJson;

/// Columns of a row, serialised as an object of their JSON keys. The model itself needn't be
/// `Serialize`.
pub struct Columns<'a, M: ModelTrait> {
    row: &'a M,
    chosen: Option<&'a [<M::Entity as EntityTrait>::Column]>,
}

impl<'a, M: ModelTrait> Columns<'a, M> {
    /// Every column.
    #[must_use]
    pub const fn all(row: &'a M) -> Self {
        Self { row, chosen: None }
    }

    /// These columns, in this order.
    #[must_use]
    pub const fn only(row: &'a M, columns: &'a [<M::Entity as EntityTrait>::Column]) -> Self {
        Self { row, chosen: Some(columns) }
    }

    fn serialize_columns<S: Serializer>(
        &self,
        columns: impl Iterator<Item = <M::Entity as EntityTrait>::Column>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for column in columns {
            map.serialize_entry(column.json_key(), &ColumnJson::from(&self.row.get(column)))?;
        }
        map.end()
    }
}

impl<M: ModelTrait> Serialize for Columns<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.chosen {
            Some(columns) => self.serialize_columns(columns.iter().copied(), serializer),
            None => self.serialize_columns(<M::Entity as EntityTrait>::Column::iter(), serializer),
        }
    }
}

impl<M: ModelTrait> fmt::Debug for Columns<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Columns").field("row", &self.row).field("chosen", &self.chosen).finish()
    }
}
