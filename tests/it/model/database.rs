//! A database per test, and what its outbox holds.

use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait, QueryResult, Schema, Statement};
use serde_json::Value as Json;

use thorn_test_support::Place;

/// A database that is gone with the test.
pub(crate) struct TestDatabase {
    pub(crate) db: DatabaseConnection,
    _place: Place,
}

/// A row of `thorn_event`.
#[derive(Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) sender: Option<String>,
    pub(crate) broadcast: bool,
    pub(crate) body: Json,
    pub(crate) options: Option<Json>,
}

impl TestDatabase {
    pub(crate) async fn new() -> Self {
        let place = Place::new().await;
        let db = thorn::connect(&place.url).await.unwrap();
        thorn_core::migration::migrate(&db).await.unwrap();
        Self { db, _place: place }
    }

    /// Adds the table of an entity.
    pub(crate) async fn with<E: EntityTrait>(self, entity: E) -> Self {
        self.db.execute(&Schema::new(self.db.get_database_backend()).create_table_from_entity(entity)).await.unwrap();
        self
    }

    pub(crate) async fn written(&self) -> Vec<Written> {
        let sql = "SELECT name, sender, broadcast, body, options FROM thorn_event ORDER BY id";
        self.query(sql).await.iter().map(written).collect()
    }

    pub(crate) async fn names(&self) -> Vec<String> {
        self.written().await.into_iter().map(|event| event.name).collect()
    }

    pub(crate) async fn rows_of(&self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) AS n FROM {table}")).await
    }

    /// The column `n` of a query's one row.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.query(sql).await[0].try_get("", "n").unwrap()
    }

    /// From now on no event can be written.
    pub(crate) async fn break_outbox(&self) {
        self.db.execute_unprepared("ALTER TABLE thorn_event RENAME TO thorn_gone").await.unwrap();
    }

    pub(crate) async fn forget(&self) {
        self.db.execute_unprepared("DELETE FROM thorn_event").await.unwrap();
    }

    async fn query(&self, sql: &str) -> Vec<QueryResult> {
        self.db.query_all_raw(Statement::from_string(self.db.get_database_backend(), sql)).await.unwrap()
    }
}

fn written(row: &QueryResult) -> Written {
    let body: String = row.try_get("", "body").unwrap();
    let options: Option<String> = row.try_get("", "options").unwrap();
    Written {
        name: row.try_get("", "name").unwrap(),
        sender: row.try_get("", "sender").unwrap(),
        broadcast: row.try_get("", "broadcast").unwrap(),
        body: serde_json::from_str(&body).unwrap(),
        options: options.map(|options| serde_json::from_str(&options).unwrap()),
    }
}
