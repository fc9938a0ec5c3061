//! Rows of subscriptions as SQLite returns them best: a page in one value.
//!
//! sqlx copies each value of SQLite's rows under a lock, and hands each row to another thread. So a million subscriptions with
//! 36 columns each took twelve seconds to read, most of which went into these copies.

use std::{fmt, marker::PhantomData, sync::LazyLock};

use sea_orm::{ColumnTrait as _, ColumnType, DbErr, FromQueryResult, IdenStatic as _, QueryResult};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, SeqAccess, Visitor},
};

use crate::{
    db::{ColumnSource, Columns, FromColumn},
    tables::subscription::{Column, InOrder, Model},
};

static SELECT: LazyLock<String> = LazyLock::new(|| {
    let column = |column: &Column| match column.def().get_column_type() {
        // JSON holds no blobs.
        ColumnType::Uuid => format!("nullif(hex({}), '')", column.as_str()),
        _ => column.as_str().to_owned(),
    };
    let columns: Vec<_> = InOrder::COLUMNS.iter().map(column).collect();
    format!(
        "SELECT json_group_array(json_array({})) FROM thorn_subscription WHERE rowid IN (SELECT rowid FROM \
         thorn_subscription WHERE version > ? AND version <= ? ORDER BY version LIMIT ?)",
        columns.join(", ")
    )
});

/// A page of rows, which [`select`](Self::select) returns, in no order.
pub(super) struct PackedPage(pub(super) Vec<Model>);

impl PackedPage {
    /// The query. Its values are the versions between which it looks, and the most rows. The inner query needs only the
    /// index, so no row is copied before its array is made.
    pub(super) fn select() -> &'static str {
        &SELECT
    }
}

impl FromQueryResult for PackedPage {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let rows: Vec<PackedRow> = serde_json::from_str(&Columns::of(row).next::<String>()?)
            .map_err(|error| DbErr::Type(format!("a subscription can't be read: {error}")))?;
        Ok(Self(rows.into_iter().map(|PackedRow(InOrder(row))| row).collect()))
    }
}

/// A row as a JSON array.
struct PackedRow(InOrder);

impl<'de> Deserialize<'de> for PackedRow {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RowVisitor)
    }
}

struct RowVisitor;

impl<'de> Visitor<'de> for RowVisitor {
    type Value = PackedRow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the columns of a subscription")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<PackedRow, A::Error> {
        InOrder::read(&mut Elements(elements, PhantomData)).map(PackedRow)
    }
}

/// The elements of an array as columns.
struct Elements<'de, A>(A, PhantomData<&'de ()>);

impl<'de, A: SeqAccess<'de>> ColumnSource for Elements<'de, A> {
    type Error = A::Error;

    fn next<T: FromColumn>(&mut self) -> Result<T, A::Error> {
        self.0.next_element()?.ok_or_else(|| A::Error::custom("a column is missing"))
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use sea_orm::{DbBackend, EntityTrait as _, IntoActiveModel as _};

    use super::*;
    use crate::{db::statement, tables::subscription::Entity};

    #[tokio::test]
    async fn each_column_is_unpacked_into_its_field() {
        let db = crate::connect("sqlite::memory:").await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let one = Model { headers: Some("\"quoted\", 'ü'\n\\".into()), version: 2, ..Model::with_every_column() };
        let other = Model {
            owner: None,
            topic_id: None,
            disabled_at: None,
            held_error: None,
            confirmation: None,
            version: i64::MAX,
            ..Model::with_every_column()
        };
        let between = async |after: i64, until: i64, most: i64| {
            let values = [after, until, most].map(sea_orm::Value::from);
            let page = PackedPage::find_by_statement(statement(DbBackend::Sqlite, PackedPage::select(), values));
            page.one(&db).await.unwrap().unwrap().0
        };
        assert_eq!(between(0, i64::MAX, 9).await, []);
        for row in [&one, &other] {
            Entity::insert(row.clone().into_active_model()).exec_without_returning(&db).await.unwrap();
        }
        assert_eq!(between(0, i64::MAX, 9).await.len(), 2);
        let only = [one];
        assert_eq!(between(0, i64::MAX, 1).await, only);
        assert_eq!(between(0, 2, 9).await, only);
        assert_eq!(between(2, i64::MAX, 9).await, [other]);
    }
}
