//! The field `previous` of a change event: the old values of what changed in its data.

use std::fmt;

use sea_orm::{ColumnTrait, ModelTrait};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use super::{
    column_json::ColumnJson,
    payload::{ColumnOf, Payload},
};
use crate::rendered::Members;

/// Where an event's `previous` comes from. It never has a value that isn't in the event's data too.
#[non_exhaustive]
pub enum Previous<M> {
    /// From the columns of the data.
    Columns,
    /// From the data that code of the application makes of a row.
    Data(fn(&M) -> Result<DataMembers, serde_json::Error>),
}

/// The data of an event, in its members. Data that isn't an object has none.
#[derive(Debug)]
pub struct DataMembers(Option<Members>);

/// Takes apart data that code of the application made.
///
/// # Errors
///
/// The error of the data's serializer.
pub fn members_of<T: Serialize + ?Sized>(data: &T) -> Result<DataMembers, serde_json::Error> {
    Members::of_object(data).map(DataMembers)
}

impl<M: ModelTrait> Previous<M> {
    /// The old values of what differs, as a JSON object. `old` is `None` if no change caused the event.
    pub(super) fn render(&self, payload: &Payload<M>, old: Option<&M>, new: &M) -> Result<String, serde_json::Error> {
        let Some(old) = old else { return Ok("{}".to_owned()) };
        match self {
            Self::Columns => {
                let columns = payload.columns().unwrap_or_default();
                serde_json::to_string(&ChangedColumns { columns: &columns, old, new })
            }
            Self::Data(of_row) => match (of_row(old)?.0, of_row(new)?.0) {
                (Some(old), Some(new)) => serde_json::to_string(&ChangedMembers { old: &old, new: &new }),
                _ => Ok("{}".to_owned()),
            },
        }
    }
}

impl<M> fmt::Debug for Previous<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Columns => "Columns",
            Self::Data(_) => "Data",
        })
    }
}

/// The old values of the columns that differ.
struct ChangedColumns<'a, M: ModelTrait> {
    columns: &'a [ColumnOf<M>],
    old: &'a M,
    new: &'a M,
}

impl<M: ModelTrait> Serialize for ChangedColumns<'_, M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for column in self.columns {
            let old = self.old.get(*column);
            if old != self.new.get(*column) {
                map.serialize_entry(column.json_key(), &ColumnJson::of(*column, &old))?;
            }
        }
        map.end()
    }
}

/// The old values of the members that differ. A member that is new was null.
struct ChangedMembers<'a> {
    old: &'a Members,
    new: &'a Members,
}

impl Serialize for ChangedMembers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, old) in self.old.iter() {
            if self.new.get(name).is_none_or(|new| !is_same(old, new)) {
                map.serialize_entry(name, old)?;
            }
        }
        for (name, _) in self.new.iter().filter(|(name, _)| self.old.get(name).is_none()) {
            map.serialize_entry(name, &())?;
        }
        map.end()
    }
}

/// Whether two texts are the same JSON. The order of an object's members doesn't matter.
fn is_same(one: &RawValue, other: &RawValue) -> bool {
    let parsed = |text: &RawValue| serde_json::from_str::<serde_json::Value>(text.get()).ok();
    one.get() == other.get() || parsed(one) == parsed(other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ChangedMembers, Members};

    #[test]
    fn members_that_differ_have_their_old_value_and_new_ones_had_null() {
        let old = Members::of(&json!({ "same": { "a": 1, "b": 2 }, "other": [1], "gone": "x" })).unwrap();
        let new = serde_json::from_str(r#"{"same":{"b":2,"a":1},"other":[2],"new":7}"#).unwrap();
        let changed = serde_json::to_value(ChangedMembers { old: &old, new: &new }).unwrap();
        assert_eq!(changed, json!({ "other": [1], "gone": "x", "new": null }));
    }
}
