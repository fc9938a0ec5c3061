//! Reads which deliveries are recorded, for a task that may run twice.

use std::collections::HashMap;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, EntityTrait, QueryFilter, QuerySelect, QueryTrait, Statement, Value,
    prelude::Uuid,
};

use super::write::IDS_PER_QUERY;
use crate::{
    attempt::DeliveryState,
    db::statement,
    error::Error,
    id::DeliveryId,
    tables::delivery::{Column, Entity},
};

/// PostgreSQL keeps a plan that it made while the table was small, until the table is analysed again a minute or two later.
///
/// With `id IN (…)`, such a plan reads the whole table and compares each row with each id: the benchmark with a Redis queue
/// delivered a quarter as fast in one of four runs. A join reads the table once at worst, and else uses the key.
const JOINED: &str = "SELECT id, attempts, state FROM thorn_delivery JOIN unnest(?::uuid[]) AS wanted(id) USING (id)";

/// The recorded number of attempts and state of each of these deliveries, for a task that may run twice.
pub(crate) async fn already_recorded<C: ConnectionTrait>(
    db: &C,
    ids: impl IntoIterator<Item = DeliveryId>,
) -> Result<HashMap<DeliveryId, (u32, Option<DeliveryState>)>, Error> {
    let ids: Vec<Uuid> = ids.into_iter().map(DeliveryId::as_uuid).collect();
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IDS_PER_QUERY) {
        for row in db.query_all_raw(rows_of(db.get_database_backend(), ids)).await? {
            let attempts = u32::try_from(row.try_get::<i32>("", "attempts")?).unwrap_or(0);
            let state = DeliveryState::from_stored(&row.try_get::<String>("", "state")?);
            found.insert(DeliveryId::from_uuid(row.try_get("", "id")?), (attempts, state));
        }
    }
    Ok(found)
}

fn rows_of(backend: DbBackend, ids: &[Uuid]) -> Statement {
    if backend == DbBackend::Postgres {
        return statement(backend, JOINED, [Value::from(ids.to_vec())]);
    }
    let select = Entity::find().select_only().columns([Column::Id, Column::Attempts, Column::State]);
    select.filter(Column::Id.is_in(ids.iter().copied())).build(backend)
}

#[cfg(test)]
mod tests {
    use sea_orm::{DatabaseConnection, TransactionTrait as _};

    use super::*;
    use crate::db::number_placeholders;

    /// A hundred deliveries, as many as the table has when PostgreSQL analyses it early.
    const SEED: &str = "INSERT INTO thorn_delivery (id, event_id, subscription_id, state, attempts, uncounted, created_at) \
                        SELECT gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'delivered', 1, 0, 0 \
                        FROM generate_series(1, 100)";

    /// The plan that PostgreSQL keeps for a prepared statement.
    async fn kept_plan(db: &DatabaseConnection, sql: &str) -> String {
        let txn = db.begin().await.unwrap();
        txn.execute_unprepared("SET LOCAL plan_cache_mode = force_generic_plan").await.unwrap();
        txn.execute_unprepared(&format!("PREPARE kept(uuid[]) AS {sql}")).await.unwrap();
        let explain = Statement::from_string(DbBackend::Postgres, "EXPLAIN EXECUTE kept('{}')");
        let steps = txn.query_all_raw(explain).await.unwrap();
        txn.execute_unprepared("DEALLOCATE kept").await.unwrap();
        steps.iter().map(|step| step.try_get_by_index::<String>(0).unwrap() + "\n").collect()
    }

    #[tokio::test]
    async fn a_plan_made_while_the_table_was_small_compares_no_row_with_each_id() {
        let place = thorn_test_support::Place::new().await;
        let db = crate::connect(&place.url).await.unwrap();
        if db.get_database_backend() != DbBackend::Postgres {
            return thorn_test_support::skipped("only PostgreSQL keeps plans");
        }
        crate::migration::migrate(&db).await.unwrap();
        db.execute_unprepared(SEED).await.unwrap();
        db.execute_unprepared("ANALYZE thorn_delivery").await.unwrap();
        let compared = "Filter: (id = ANY ($1))";
        let plan = kept_plan(&db, "SELECT id, attempts, state FROM thorn_delivery WHERE id = ANY ($1)").await;
        assert!(plan.contains(compared), "the test sees it where it happens: {plan}");
        let plan = kept_plan(&db, &number_placeholders(DbBackend::Postgres, JOINED)).await;
        assert!(plan.contains("Hash Join") && !plan.contains(compared), "{plan}");
    }
}
