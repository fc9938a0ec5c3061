//! Filters over rows.

use sea_orm::{EntityTrait, Iterable, ModelTrait, entity::ColumnTrait};
use serde_json::Value;

use super::payload::Columns;
use crate::filter::Q;

impl Q {
    /// Whether the filter holds for a row and the row as it was before.
    ///
    /// Paths begin with the JSON keys of columns. Values are compared as receivers see them, so decimals, dates
    /// and UUIDs are strings. A name that isn't a column's counts as null; find such names with
    /// [`unknown_columns`](Self::unknown_columns).
    ///
    /// Use it in a `when` to make a filter configurable. `old` and `new` are the rows there:
    ///
    /// ```
    /// use std::sync::LazyLock;
    /// use thorn_core::filter::Q;
    ///
    /// static RULE: LazyLock<Q> = LazyLock::new(|| {
    ///     let text = std::env::var("ANNOUNCE_ARTICLES").unwrap_or_else(|_| "{}".into());
    ///     text.parse().unwrap_or_else(|error| panic!("ANNOUNCE_ARTICLES: {error}"))
    /// });
    /// // on_change(event = "article.changed", when = RULE.matches_rows(new, old))
    /// ```
    #[must_use]
    pub fn matches_rows<M: ModelTrait>(&self, new: &M, old: Option<&M>) -> bool {
        let names = self.outermost_names();
        let is_asked_for = |column: &<M::Entity as EntityTrait>::Column| names.contains(&column.json_key());
        let columns: Vec<_> = <M::Entity as EntityTrait>::Column::iter().filter(is_asked_for).collect();
        // The detour through text gives numbers the precision in which receivers read them.
        let seen = |row: &M| {
            let text = serde_json::to_string(&Columns::only(row, &columns)).unwrap_or_default();
            serde_json::from_str(&text).unwrap_or(Value::Null)
        };
        self.matches(&seen(new), old.map(seen).as_ref())
    }

    /// The names at the beginning of the filter's paths that aren't columns of this entity, sorted.
    #[must_use]
    pub fn unknown_columns<E: EntityTrait>(&self) -> Vec<String> {
        let is_column = |name: &str| E::Column::iter().any(|column| column.json_key() == name);
        let mut unknown: Vec<_> =
            self.outermost_names().into_iter().map(str::to_owned).filter(|name| !is_column(name)).collect();
        unknown.sort();
        unknown.dedup();
        unknown
    }
}
