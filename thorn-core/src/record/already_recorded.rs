//! Reads which deliveries are recorded, for a task that may run twice.

use std::collections::HashMap;
#[cfg(feature = "postgres")]
use std::sync::Arc;

use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter, QuerySelect, prelude::Uuid};
#[cfg(feature = "postgres")]
use sea_orm::{
    DbBackend, RuntimeErr,
    sqlx::{self, AssertSqlSafe, FromRow as _, postgres::PgRow},
};

use super::write::IDS_PER_QUERY;
use crate::{
    attempt::DeliveryState,
    error::Error,
    id::DeliveryId,
    tables::delivery::{Column, Entity},
};

/// The recorded number of attempts and state of each of these deliveries, for a task that may run twice.
pub(crate) async fn already_recorded(
    db: &DatabaseConnection,
    ids: impl IntoIterator<Item = DeliveryId>,
) -> Result<HashMap<DeliveryId, (u32, Option<DeliveryState>)>, Error> {
    let ids: Vec<Uuid> = ids.into_iter().map(DeliveryId::as_uuid).collect();
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IDS_PER_QUERY) {
        for (id, attempts, state) in rows(db, ids).await? {
            let attempts = u32::try_from(attempts).unwrap_or(0);
            found.insert(DeliveryId::from_uuid(id), (attempts, DeliveryState::from_stored(&state)));
        }
    }
    Ok(found)
}

/// A delivery's id, attempts and state.
type Row = (Uuid, i32, String);

async fn rows(db: &DatabaseConnection, ids: &[Uuid]) -> Result<Vec<Row>, DbErr> {
    #[cfg(feature = "postgres")]
    if db.get_database_backend() == DbBackend::Postgres {
        return rows_by_a_new_plan(db, ids).await;
    }
    let select = Entity::find().select_only().columns([Column::Id, Column::Attempts, Column::State]);
    select.filter(Column::Id.is_in(ids.iter().copied())).into_tuple().all(db).await
}

/// Looks each id up, with a statement that isn't prepared.
///
/// Of a prepared statement, PostgreSQL keeps the plan that it made while the table was small, until the table is analysed a
/// minute or two later. Such a plan reads the whole table. With a queue in Redis, whose tasks all may run twice, it took
/// nine tenths of the server's time. `OFFSET 0` keeps the server from joining the ids with the whole table, which it would
/// do for up to some ten thousand rows.
#[cfg(feature = "postgres")]
async fn rows_by_a_new_plan(db: &DatabaseConnection, ids: &[Uuid]) -> Result<Vec<Row>, DbErr> {
    let ids = ids.iter().map(Uuid::to_string).collect::<Vec<_>>().join(",");
    let sql = format!(
        "SELECT found.id, attempts, state FROM unnest('{{{ids}}}'::uuid[]) AS wanted(id) CROSS JOIN LATERAL \
         (SELECT id, attempts, state FROM thorn_delivery WHERE thorn_delivery.id = wanted.id OFFSET 0) AS found"
    );
    // The text has nothing but ids in it.
    let rows = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(db.get_postgres_connection_pool()).await;
    let read = |rows: Vec<PgRow>| rows.iter().map(Row::from_row).collect();
    rows.and_then(read).map_err(|error| DbErr::Query(RuntimeErr::SqlxError(Arc::new(error))))
}

#[cfg(test)]
mod tests {
    use sea_orm::ConnectionTrait as _;

    use super::*;

    /// Inserts a delivery with three attempts.
    const ONE: &str = "INSERT INTO thorn_delivery (id, event_id, subscription_id, state, attempts, uncounted, created_at) \
                       VALUES (?, ?, ?, 'waiting', 3, 0, 0)";

    #[tokio::test]
    async fn only_recorded_deliveries_are_found() {
        let place = thorn_test_support::Place::new().await;
        let db = crate::connect(&place.url).await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let ids: Vec<_> = (0..700).map(|_| Uuid::new_v4()).collect();
        for id in [ids[0], ids[600], Uuid::new_v4()] {
            let insert = crate::db::statement(db.get_database_backend(), ONE, [id.into(), id.into(), id.into()]);
            db.execute_raw(insert).await.unwrap();
        }
        let found = already_recorded(&db, ids.iter().copied().map(DeliveryId::from_uuid)).await.unwrap();
        let expected = [ids[0], ids[600]].map(|id| (DeliveryId::from_uuid(id), (3, Some(DeliveryState::Waiting))));
        assert_eq!(found, HashMap::from(expected));
    }

    #[cfg(feature = "postgres")]
    #[tokio::test]
    async fn a_table_that_was_small_a_moment_ago_is_read_by_its_key() {
        use sea_orm::{ConnectOptions, Database, Statement};

        let Some(place) = thorn_test_support::Place::postgres().await else { return };
        // The counters are those of one connection's transaction.
        let db = Database::connect(ConnectOptions::new(&place.url).max_connections(1).to_owned()).await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let insert = async |rows: usize| {
            let sql = format!(
                "INSERT INTO thorn_delivery (id, event_id, subscription_id, state, attempts, uncounted, created_at) \
                 SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'delivered', 1, 0, 0 \
                 FROM generate_series(1, {rows})"
            );
            db.execute_unprepared(&sql).await.unwrap();
        };
        let prepare = "PREPARE kept(uuid[]) AS SELECT id FROM thorn_delivery WHERE id = ANY ($1)";
        db.execute_unprepared(prepare).await.unwrap();
        let ids: Vec<_> = (0..100).map(|_| DeliveryId::from_uuid(Uuid::new_v4())).collect();
        let look = async || assert!(already_recorded(&db, ids.clone()).await.unwrap().is_empty());
        let look_prepared = async || drop(db.execute_unprepared("EXECUTE kept('{}')").await.unwrap());
        insert(100).await;
        db.execute_unprepared("ANALYZE thorn_delivery").await.unwrap();
        // PostgreSQL may keep the plan of the sixth execution.
        for _ in 0..6 {
            look_prepared().await;
            look().await;
        }
        insert(5_000).await;
        db.execute_unprepared("BEGIN").await.unwrap();
        let read_in_sequence = async || {
            let sql = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'thorn_delivery'";
            let row = db.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
            row.try_get_by_index::<i64>(0).unwrap()
        };
        let before = read_in_sequence().await;
        look().await;
        assert_eq!(read_in_sequence().await - before, 0);
        look_prepared().await;
        assert_eq!(read_in_sequence().await - before, 5_100, "the test sees it where it happens");
    }
}
