//! Rows of subscriptions as SQLite returns them best: a page in one value.
//!
//! sqlx copies each value of SQLite's rows under a lock, and hands each row to another thread. So a million subscriptions with
//! 36 columns each took twelve seconds to read, most of which went into these copies.

use sea_orm::{DbErr, FromQueryResult, QueryResult, prelude::Uuid};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{db::Columns, tables::subscription::Model};

/// A page of rows, which [`PackedPage::SELECT`] returns, in no order.
pub(super) struct PackedPage(pub(super) Vec<Model>);

/// A column of the type `uuid`, in hexadecimal digits. NULL has none.
struct HexId(Option<Uuid>);

impl<'de> Deserialize<'de> for HexId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match <&str>::deserialize(deserializer)? {
            "" => Ok(Self(None)),
            digits => Uuid::try_parse(digits).map(Some).map(Self).map_err(D::Error::custom),
        }
    }
}

macro_rules! packed {
    ($($field:ident: $kind:ty,)*) => {
        /// A row as a JSON array.
        #[derive(Deserialize)]
        struct PackedRow {
            id: HexId,
            topic_id: HexId,
            $($field: $kind,)*
        }

        impl PackedPage {
            /// The query. Its values are the versions between which it looks, and the most rows. The inner query needs only the
            /// index, so no row is copied before its array is made.
            pub(super) const SELECT: &str = concat!(
                "SELECT json_group_array(json_array(hex(id), hex(topic_id)",
                $(", ", stringify!($field),)*
                ")) FROM thorn_subscription WHERE rowid IN (SELECT rowid FROM thorn_subscription ",
                "WHERE version > ? AND version <= ? ORDER BY version LIMIT ?)"
            );
        }

        impl PackedRow {
            fn unpack(self) -> Model {
                Model {
                    id: self.id.0.unwrap_or_default(),
                    topic_id: self.topic_id.0,
                    $($field: self.$field,)*
                    disabled_reason: None,
                    identity: None,
                    counted_host: None,
                    verify_token: None,
                }
            }
        }
    };
}

packed! {
    owner: Option<String>,
    pattern: String,
    url: String,
    secret: String,
    digest: String,
    content_type: String,
    disabled_at: Option<i64>,
    created_at: i64,
    updated_at: i64,
    deleted_at: Option<i64>,
    created_version: i64,
    version: i64,
    filter: Option<String>,
    hears_version: i64,
    headers: Option<String>,
    signer: String,
    source: Option<String>,
    failing_since: Option<i64>,
    held_until: Option<i64>,
    held_step: i32,
    probed_until: Option<i64>,
    held_since: Option<i64>,
    held_reason: Option<String>,
    held_status: Option<i32>,
    held_error: Option<String>,
    warned: i32,
    paused_at: Option<i64>,
    rate: Option<String>,
    max_in_flight: Option<i32>,
    dialect: String,
    topic_given: Option<String>,
    expires_at: Option<i64>,
    renew_at: Option<i64>,
    confirmation: Option<String>,
}

impl FromQueryResult for PackedPage {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let rows: Vec<PackedRow> = serde_json::from_str(&Columns::of(row).next::<String>()?)
            .map_err(|error| DbErr::Type(format!("a subscription can't be read: {error}")))?;
        Ok(Self(rows.into_iter().map(PackedRow::unpack).collect()))
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
            let page = PackedPage::find_by_statement(statement(DbBackend::Sqlite, PackedPage::SELECT, values));
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
