//! The data of a model's events.

use std::fmt;

use sea_orm::{ColumnTrait, EntityTrait, Iterable, ModelTrait};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{column_json::ColumnJson, link_change::LinkChange};
use crate::{error::Error, event::Event, rendered::RenderedEvent};

/// The `Column` enum of a model's entity.
pub(super) type ColumnOf<M> = <<M as ModelTrait>::Entity as EntityTrait>::Column;

/// Renders an event with data that code of the application makes from the row.
type Render<M> = fn(Event, &M) -> Result<RenderedEvent, Error>;

/// Renders an event with data made from the row and its links that changed.
pub(super) type RenderLinks<M> = fn(Event, &M, &LinkChange) -> Result<RenderedEvent, Error>;

/// The `data` of a model's event.
#[non_exhaustive]
pub enum Payload<M: ModelTrait + 'static> {
    /// Every column.
    AllColumns,
    /// These columns, in this order.
    Columns(&'static [ColumnOf<M>]),
    /// The value that a function of the application returns for the row.
    Function(Render<M>),
    /// A type of the application that is `From<&Model>`.
    Type(Render<M>),
}

impl<M: ModelTrait> Payload<M> {
    /// The columns in their order; `None` if code of the application makes the data.
    #[must_use]
    pub fn columns(&self) -> Option<Vec<ColumnOf<M>>> {
        match self {
            Self::AllColumns => Some(ColumnOf::<M>::iter().collect()),
            Self::Columns(chosen) => Some(chosen.to_vec()),
            Self::Function(_) | Self::Type(_) => None,
        }
    }

    /// Renders an event with the data of this row.
    pub(super) fn render(&self, event: Event, row: &M) -> Result<RenderedEvent, Error> {
        match self {
            Self::AllColumns => event.render(&Columns::all(row)),
            Self::Columns(chosen) => event.render(&Columns::only(row, chosen)),
            Self::Function(render) | Self::Type(render) => render(event, row),
        }
    }
}

impl<M: ModelTrait> fmt::Debug for Payload<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AllColumns => f.write_str("AllColumns"),
            Self::Columns(chosen) => f.debug_tuple("Columns").field(chosen).finish(),
            Self::Function(_) => f.write_str("Function"),
            Self::Type(_) => f.write_str("Type"),
        }
    }
}

/// Columns of a row, serialized as an object with their JSON keys.
///
/// The model itself needn't be `Serialize`. Dates and times are ISO 8601, decimals and UUIDs are strings,
/// bytes are base64, and arrays hold their elements. The guide to models has a table of all types.
///
/// # Examples
///
/// ```
/// use sea_orm::ModelTrait;
/// use thorn_core::model::Columns;
///
/// fn to_json<M: ModelTrait>(row: &M) -> serde_json::Result<String> {
///     serde_json::to_string(&Columns::all(row))
/// }
/// ```
pub struct Columns<'a, M: ModelTrait> {
    row: &'a M,
    chosen: Option<&'a [ColumnOf<M>]>,
}

impl<'a, M: ModelTrait> Columns<'a, M> {
    /// Every column.
    #[must_use]
    pub const fn all(row: &'a M) -> Self {
        Self { row, chosen: None }
    }

    /// These columns, in this order.
    #[must_use]
    pub const fn only(row: &'a M, columns: &'a [ColumnOf<M>]) -> Self {
        Self { row, chosen: Some(columns) }
    }

    fn serialize_columns<S: Serializer>(
        &self,
        columns: impl Iterator<Item = ColumnOf<M>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for column in columns {
            map.serialize_entry(column.json_key(), &ColumnJson::of(column, &self.row.get(column)))?;
        }
        map.end()
    }
}

impl<M: ModelTrait> Serialize for Columns<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.chosen {
            Some(columns) => self.serialize_columns(columns.iter().copied(), serializer),
            None => self.serialize_columns(ColumnOf::<M>::iter(), serializer),
        }
    }
}

impl<M: ModelTrait> fmt::Debug for Columns<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Columns").field("row", &self.row).field("chosen", &self.chosen).finish()
    }
}
