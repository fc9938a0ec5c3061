//! Statements that PostgreSQL plans anew each time.
//!
//! PostgreSQL keeps the plan of a prepared statement that was executed a few times. If the table was small then, the plan reads
//! all of it, until the table is analysed a minute or two later. A worker that had waited on a new database took 100,000
//! events at half its rate, because each claim of 1,000 read them all. So statements that look up many ids don't keep plans.

use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, FromQueryResult, Statement,
};
#[cfg(feature = "postgres")]
use sea_orm::{
    QueryResult, RuntimeErr,
    sqlx::{self, AssertSqlSafe},
};

/// Has the further statements of this transaction planned anew. It costs one small statement.
pub(crate) async fn plan_anew(txn: &DatabaseTransaction) -> Result<(), DbErr> {
    if txn.get_database_backend() == DbBackend::Postgres {
        txn.execute_unprepared("SET LOCAL plan_cache_mode = force_custom_plan").await?;
    }
    Ok(())
}

/// Reads rows outside a transaction. PostgreSQL gets the values within the text of the statement, so lists of ids must be
/// written with `IN`.
pub(crate) async fn all_by_new_plan<M: FromQueryResult>(
    db: &DatabaseConnection,
    statement: Statement,
) -> Result<Vec<M>, DbErr> {
    #[cfg(feature = "postgres")]
    if db.get_database_backend() == DbBackend::Postgres {
        // SeaORM quotes the values.
        let sql = AssertSqlSafe(statement.to_string());
        let rows = sqlx::raw_sql(sql).fetch_all(db.get_postgres_connection_pool()).await;
        let rows = rows.map_err(|error| DbErr::Query(RuntimeErr::SqlxError(std::sync::Arc::new(error))))?;
        return rows.into_iter().map(|row| M::from_query_result(&QueryResult::from(row), "")).collect();
    }
    M::find_by_statement(statement).all(db).await
}

#[cfg(test)]
#[cfg(feature = "postgres")]
mod tests {
    use sea_orm::{ConnectOptions, Database, TransactionTrait as _, Value, prelude::Uuid};

    use super::*;
    use crate::db::statement;

    #[derive(Debug, PartialEq, FromQueryResult)]
    struct Row {
        id: Uuid,
        number: i32,
        text: Option<String>,
        bytes: Vec<u8>,
    }

    const CREATE: &str = "CREATE TABLE numbers (id uuid PRIMARY KEY, number int, text text, bytes bytea)";
    const INSERT: &str = "INSERT INTO numbers SELECT gen_random_uuid(), number FROM generate_series(1, 100) AS number";

    const INSERT_MORE: &str =
        "INSERT INTO numbers SELECT gen_random_uuid(), number FROM generate_series(1, 10000) AS number";

    /// How many rows of the table this connection has read by going through all of it.
    async fn read_in_sequence(txn: &DatabaseTransaction) -> i64 {
        let sql = "SELECT seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'numbers'";
        let row = txn.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
        row.try_get_by_index::<i64>(0).unwrap()
    }

    #[tokio::test]
    async fn a_transaction_has_no_plan_from_when_the_table_was_small() {
        let Some(place) = thorn_test_support::Place::postgres().await else { return };
        let db = Database::connect(ConnectOptions::new(&place.url).max_connections(1).to_owned()).await.unwrap();
        for sql in [CREATE, INSERT, "ANALYZE numbers"] {
            db.execute_unprepared(sql).await.unwrap();
        }
        let update = || {
            let ids: Vec<_> = (0..10).map(|_| Uuid::new_v4()).collect();
            let sql = "UPDATE numbers SET number = 0 WHERE id = ANY (?)";
            statement(DbBackend::Postgres, sql, [Value::from(ids)])
        };
        // PostgreSQL may keep the plan of the sixth execution.
        for _ in 0..6 {
            db.execute_raw(update()).await.unwrap();
        }
        db.execute_unprepared(INSERT_MORE).await.unwrap();
        for (anew, expected) in [(false, 10_100), (true, 0)] {
            let txn = db.begin().await.unwrap();
            let before = read_in_sequence(&txn).await;
            if anew {
                plan_anew(&txn).await.unwrap();
            }
            txn.execute_raw(update()).await.unwrap();
            assert_eq!(read_in_sequence(&txn).await - before, expected, "anew: {anew}");
            txn.rollback().await.unwrap();
        }
    }

    #[tokio::test]
    async fn values_in_the_text_are_quoted_and_read_like_others() {
        let Some(place) = thorn_test_support::Place::postgres().await else { return };
        let db = crate::connect(&place.url).await.unwrap();
        db.execute_unprepared(CREATE).await.unwrap();
        let row =
            Row { id: Uuid::new_v4(), number: -7, text: Some("it's \\ ? $1 ü\n".into()), bytes: vec![0, 39, 92, 255] };
        let values = [row.id.into(), row.number.into(), row.text.clone().into(), row.bytes.clone().into()];
        let insert = statement(DbBackend::Postgres, "INSERT INTO numbers VALUES (?, ?, ?, ?)", values);
        db.execute_raw(insert).await.unwrap();
        let sql = "SELECT * FROM numbers WHERE id IN (?, ?) AND text = ?";
        let values = [row.id.into(), Uuid::nil().into(), row.text.clone().into()];
        let found = all_by_new_plan::<Row>(&db, statement(DbBackend::Postgres, sql, values)).await.unwrap();
        assert_eq!(found, [row]);
    }
}
