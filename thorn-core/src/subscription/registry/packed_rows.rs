//! Rows of subscriptions as SQLite returns them best: most columns in one value.
//!
//! sqlx copies each value of SQLite's rows for another thread, under a lock. A million subscriptions with 36 columns each took
//! twelve seconds to read, most of which went into these copies.

use sea_orm::{DbErr, FromQueryResult, QueryResult, prelude::Uuid};
use serde::Deserialize;

use crate::{db::Columns, tables::subscription::Model};

/// A row of [`Packed::COLUMNS`].
pub(super) struct Packed(pub(super) Model);

macro_rules! packed {
    ($first:ident: $first_kind:ty, $($field:ident: $kind:ty,)*) => {
        /// The columns that are packed into a JSON array, in its order.
        #[derive(Deserialize)]
        struct Rest {
            $first: $first_kind,
            $($field: $kind,)*
        }

        impl Packed {
            /// What to select: the ids, which JSON can't hold, and the other columns in an array.
            pub(super) const COLUMNS: &str = concat!(
                "id, topic_id, json_array(", stringify!($first) $(, ", ", stringify!($field))*, ")"
            );
        }

        impl Rest {
            fn with_ids(self, id: Uuid, topic_id: Option<Uuid>) -> Model {
                Model {
                    id,
                    topic_id,
                    $first: self.$first,
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

impl FromQueryResult for Packed {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        let mut columns = Columns::of(row);
        let (id, topic_id, rest) = (columns.next()?, columns.next()?, columns.next::<String>()?);
        let rest: Rest = serde_json::from_str(&rest)
            .map_err(|error| DbErr::Type(format!("subscription {id} can't be read: {error}")))?;
        Ok(Self(rest.with_ids(id, topic_id)))
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use sea_orm::{DbBackend, EntityTrait as _, IntoActiveModel as _, Statement};

    use super::*;
    use crate::tables::subscription::Entity;

    #[tokio::test]
    async fn each_column_is_unpacked_into_its_field() {
        let db = crate::connect("sqlite::memory:").await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let texts = Model { headers: Some("\"quoted\", 'ü'\n\\".into()), ..Model::with_every_column() };
        let empty = Model {
            owner: None,
            topic_id: None,
            disabled_at: None,
            held_error: None,
            confirmation: None,
            version: i64::MAX,
            ..Model::with_every_column()
        };
        for row in [texts, empty] {
            Entity::delete_many().exec(&db).await.unwrap();
            Entity::insert(row.clone().into_active_model()).exec_without_returning(&db).await.unwrap();
            let sql = format!("SELECT {} FROM thorn_subscription", Packed::COLUMNS);
            let read = Packed::find_by_statement(Statement::from_string(DbBackend::Sqlite, sql));
            assert_eq!(read.one(&db).await.unwrap().unwrap().0, row);
        }
    }
}
