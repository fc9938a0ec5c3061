//! The condition that a column holds one of several values.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, Value,
    sea_query::{Expr, ExprTrait as _, Func, IntoColumnRef as _},
};

/// Holds for rows in which this column is one of these values.
///
/// PostgreSQL gets all values as one parameter, `id = ANY($1)`. With `id IN ($1, $2, …)`, a plan that it made while the
/// table was small reads the whole table and compares each row with each value. It keeps such a plan until the table is
/// analysed, a minute or two later: lookups of 100 deliveries then took 0.2 s each in the benchmark with a Redis queue.
/// The text also stays the same for any number of values, so that few statements have to be prepared.
pub(crate) fn one_of<V>(
    db: &impl ConnectionTrait,
    column: impl ColumnTrait,
    values: impl IntoIterator<Item = V>,
) -> Expr
where
    V: Into<Value> + Into<Expr>,
    Vec<V>: Into<Value>,
{
    if db.get_database_backend() != DbBackend::Postgres {
        return column.is_in(values);
    }
    let values: Vec<V> = values.into_iter().collect();
    Expr::col(column.as_column_ref().into_column_ref()).eq(Func::cust("ANY").arg(Expr::value(values)))
}

#[cfg(test)]
mod tests {
    use sea_orm::{DatabaseConnection, EntityTrait as _, QueryFilter as _, QueryTrait as _};
    use sea_orm::{Statement, TransactionTrait as _, prelude::Uuid};

    use super::*;
    use crate::tables::delivery::{Column, Entity};

    /// The plan that PostgreSQL keeps for a prepared statement, made while the table is empty.
    async fn kept_plan(db: &DatabaseConnection, condition: Expr, types: &str, values: &str) -> String {
        let sql = Entity::find().filter(condition).build(DbBackend::Postgres).sql;
        let txn = db.begin().await.unwrap();
        txn.execute_unprepared("SET LOCAL plan_cache_mode = force_generic_plan").await.unwrap();
        txn.execute_unprepared(&format!("PREPARE kept({types}) AS {sql}")).await.unwrap();
        let explain = Statement::from_string(DbBackend::Postgres, format!("EXPLAIN EXECUTE kept({values})"));
        let steps = txn.query_all_raw(explain).await.unwrap();
        txn.execute_unprepared("DEALLOCATE kept").await.unwrap();
        steps.iter().map(|step| step.try_get_by_index::<String>(0).unwrap() + "\n").collect()
    }

    #[tokio::test]
    async fn a_plan_made_while_the_table_was_empty_still_uses_the_key() {
        let place = thorn_test_support::Place::new().await;
        let db = crate::connect(&place.url).await.unwrap();
        if db.get_database_backend() != DbBackend::Postgres {
            return thorn_test_support::skipped("only PostgreSQL keeps plans");
        }
        crate::migration::migrate(&db).await.unwrap();
        let ids = [Uuid::nil(); 100];
        let (types, values) = (["uuid"; 100].join(", "), ids.map(|id| format!("'{id}'")).join(", "));
        let plan = kept_plan(&db, Column::Id.is_in(ids), &types, &values).await;
        assert!(plan.contains("Seq Scan on thorn_delivery"), "the test sees it where it happens: {plan}");
        let plan = kept_plan(&db, one_of(&db, Column::Id, ids), "uuid[]", "'{}'").await;
        assert!(plan.contains("thorn_delivery_pkey") && !plan.contains("Seq Scan"), "{plan}");
    }
}
