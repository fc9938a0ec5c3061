//! Reads which deliveries are recorded, for a task that may run twice.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, DatabaseConnection, DbBackend, EntityTrait, FromQueryResult, QueryFilter, QuerySelect, QueryTrait,
    Statement, Value, prelude::Uuid,
};

use super::write::IDS_PER_QUERY;
use crate::{
    attempt::DeliveryState,
    db::{all_by_new_plan, statement},
    error::Error,
    id::DeliveryId,
    tables::delivery::{Column, Entity},
};

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    attempts: i32,
    state: String,
}

/// The recorded number of attempts and state of each of these deliveries, for a task that may run twice.
pub(crate) async fn already_recorded(
    db: &DatabaseConnection,
    ids: impl IntoIterator<Item = DeliveryId>,
) -> Result<HashMap<DeliveryId, (u32, Option<DeliveryState>)>, Error> {
    let ids: Vec<Uuid> = ids.into_iter().map(DeliveryId::as_uuid).collect();
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IDS_PER_QUERY) {
        for row in all_by_new_plan::<Row>(db, query(db.get_database_backend(), ids)).await? {
            let attempts = u32::try_from(row.attempts).unwrap_or(0);
            found.insert(DeliveryId::from_uuid(row.id), (attempts, DeliveryState::from_stored(&row.state)));
        }
    }
    Ok(found)
}

/// A query for these rows.
///
/// On PostgreSQL, `OFFSET 0` has each id looked up. Otherwise the server would read the whole table while it has up to some ten
/// thousand rows, which takes ten times as long.
fn query(backend: DbBackend, ids: &[Uuid]) -> Statement {
    if backend == DbBackend::Postgres {
        let sql = format!(
            "SELECT found.id, attempts, state FROM (VALUES {}) AS wanted(id) CROSS JOIN LATERAL \
             (SELECT id, attempts, state FROM thorn_delivery WHERE thorn_delivery.id = wanted.id OFFSET 0) AS found",
            vec!["(?::uuid)"; ids.len()].join(", ")
        );
        return statement(backend, &sql, ids.iter().copied().map(Value::from));
    }
    let select = Entity::find().select_only().columns([Column::Id, Column::Attempts, Column::State]);
    select.filter(Column::Id.is_in(ids.iter().copied())).build(backend)
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
        use sea_orm::{ConnectOptions, Database};

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
        let look_prepared = async || db.execute_unprepared("EXECUTE kept('{}')").await.unwrap().rows_affected();
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
