//! Filters over rows.

use sea_orm::{EntityTrait, Iterable, ModelTrait, entity::ColumnTrait};
use serde_json::Value;

use super::payload::Columns;
use crate::filter::{Kind, Q};

impl Q {
    /// Whether the filter holds for a row and the row as it was before.
    ///
    /// Paths begin with the JSON keys of columns. Values are compared as receivers see them, and UUIDs are strings.
    /// Decimals, dates and times compare by value: `"10.50"` equals `10.5`, and a time may have any offset. A name that isn't a column's counts as null; find such names with
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
        let kind = |name: &str| {
            let column = columns.iter().find(|column| column.json_key() == name);
            column.map_or(Kind::Untyped, |column| Kind::of_column(column.def().get_column_type()))
        };
        self.matches_typed(&seen(new), old.map(seen).as_ref(), &kind)
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

#[cfg(test)]
mod tests {
    use sea_orm::entity::prelude::*;

    use super::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "invoice")]
    pub(super) struct Model {
        #[sea_orm(primary_key)]
        id: i32,
        price: Decimal,
        #[sea_orm(column_name = "due")]
        due_on: Date,
        paid_at: Option<DateTimeUtc>,
        note: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}

    fn invoice(price: &str) -> Model {
        Model {
            id: 1,
            price: price.parse().unwrap(),
            due_on: "2024-02-01".parse().unwrap(),
            paid_at: Some("2024-01-31T23:30:00Z".parse().unwrap()),
            note: "10.50".to_owned(),
        }
    }

    #[test]
    fn decimals_and_times_of_rows_compare_by_value_and_text_as_text() {
        let row = invoice("10.50");
        for (filter, expected) in [
            (Q::field("price").gt("9"), true),
            (Q::field("price").gt(9), true),
            (Q::field("price").eq("10.5"), true),
            (Q::field("price").is_in(["10.500", "7"]), true),
            (Q::field("price").lt("9"), false),
            (Q::field("price").is_true(), true),
            (Q::field("paid_at").lt("2024-02-01T00:00:00+00:00"), true),
            (Q::field("paid_at").eq("2024-02-01T00:30:00+01:00"), true),
            (Q::field("paid_at").gt("2024-02-01T00:00:00+01:00"), true),
            (Q::field("note").gt("9"), false),
            (Q::field("note").eq("10.5"), false),
        ] {
            assert_eq!(filter.matches_rows(&row, None), expected, "{filter}");
        }
        let cheap = invoice("9.00");
        assert!(Q::field("price").now_gt("9.5").matches_rows(&row, Some(&cheap)));
        assert!(!Q::field("price").now_gt("8.5").matches_rows(&row, Some(&cheap)));
    }
}
