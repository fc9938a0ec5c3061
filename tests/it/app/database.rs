//! The application's database: its own tables, and what thorn's hold.

use sea_orm::{ConnectionTrait, DbBackend, EntityTrait, QueryResult, Schema, Statement, prelude::Uuid};
use serde_json::Value as Json;
use thorn::DeliveryId;

use super::TestApp;

/// A row of `thorn_event`.
#[derive(Debug, PartialEq)]
pub(crate) struct Written {
    pub(crate) name: String,
    pub(crate) sender: Option<String>,
    pub(crate) broadcast: bool,
    pub(crate) body: Json,
    pub(crate) options: Option<Json>,
}

impl TestApp {
    /// Adds the table of an entity.
    pub(crate) async fn table<E: EntityTrait>(self, entity: E) -> Self {
        self.create_table(entity).await;
        self
    }

    pub(crate) async fn create_table<E: EntityTrait>(&self, entity: E) {
        let table = Schema::new(self.db().get_database_backend()).create_table_from_entity(entity);
        self.db().execute(&table).await.unwrap();
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.db().execute_unprepared(sql).await.unwrap();
    }

    async fn query(&self, sql: &str) -> Vec<QueryResult> {
        self.db().query_all_raw(Statement::from_string(self.db().get_database_backend(), sql)).await.unwrap()
    }

    /// The column `text` of a query.
    pub(crate) async fn text(&self, sql: &str) -> Vec<String> {
        self.query(sql).await.iter().map(|row| row.try_get("", "text").unwrap()).collect()
    }

    /// The first column of each row.
    pub(crate) async fn numbers(&self, sql: &str) -> Vec<i64> {
        self.query(sql).await.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
    }

    /// The same for a column of 32 bits.
    pub(crate) async fn numbers_of_int(&self, sql: &str) -> Vec<i64> {
        let number = |row: &QueryResult| i64::from(row.try_get_by_index::<i32>(0).unwrap());
        self.query(sql).await.iter().map(number).collect()
    }

    /// The first column of the only row.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.numbers(sql).await[0]
    }

    /// Rows of a table, or of what else may follow `FROM`.
    pub(crate) async fn count(&self, table: &str) -> i64 {
        self.number(&format!("SELECT COUNT(*) FROM {table}")).await
    }

    /// Numbers of the attempts that were followed by another.
    pub(crate) async fn past_attempts(&self, delivery: DeliveryId) -> Vec<i32> {
        let id = literal(self.db().get_database_backend(), delivery.as_uuid());
        let sql = format!("SELECT number FROM thorn_attempt WHERE delivery_id = {id} ORDER BY number");
        self.query(&sql).await.iter().map(|row| row.try_get("", "number").unwrap()).collect()
    }

    /// All events, in order.
    pub(crate) async fn written(&self) -> Vec<Written> {
        let sql = "SELECT name, sender, broadcast, body, options FROM thorn_event ORDER BY id";
        self.query(sql).await.iter().map(written).collect()
    }

    /// Names of all events, in order.
    pub(crate) async fn names(&self) -> Vec<String> {
        self.written().await.into_iter().map(|event| event.name).collect()
    }

    /// From now on no event can be written.
    pub(crate) async fn break_outbox(&self) {
        self.execute("ALTER TABLE thorn_event RENAME TO thorn_gone").await;
    }

    /// Deletes all events.
    pub(crate) async fn forget(&self) {
        self.execute("DELETE FROM thorn_event").await;
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

/// A UUID in SQL.
pub(crate) fn literal(backend: DbBackend, id: Uuid) -> String {
    if backend == DbBackend::Postgres { format!("'{id}'") } else { format!("x'{}'", id.simple()) }
}
