//! A database per test, and what its outbox holds.

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait, QueryResult, Schema,
    Statement,
};
use serde_json::Value as Json;

/// A SQLite file that is gone with the test.
pub(crate) struct TestDatabase {
    pub(crate) db: DatabaseConnection,
    _directory: tempfile::TempDir,
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
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("test.sqlite");
        let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", file.display()));
        options.max_connections(4);
        let db = Database::connect(options).await.unwrap();
        db.execute_unprepared("PRAGMA journal_mode = WAL").await.unwrap();
        thorn_core::migration::migrate(&db).await.unwrap();
        Self { db, _directory: directory }
    }

    /// Adds the table of an entity.
    pub(crate) async fn with<E: EntityTrait>(self, entity: E) -> Self {
        self.db.execute(&Schema::new(DbBackend::Sqlite).create_table_from_entity(entity)).await.unwrap();
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
        self.query(&format!("SELECT COUNT(*) AS n FROM {table}")).await[0].try_get("", "n").unwrap()
    }

    /// From now on no event can be written.
    pub(crate) async fn break_outbox(&self) {
        let trigger =
            "CREATE TRIGGER broken BEFORE INSERT ON thorn_event BEGIN SELECT RAISE(ABORT, 'outbox broken'); END";
        self.db.execute_unprepared(trigger).await.unwrap();
    }

    pub(crate) async fn forget(&self) {
        self.db.execute_unprepared("DELETE FROM thorn_event").await.unwrap();
    }

    async fn query(&self, sql: &str) -> Vec<QueryResult> {
        self.db.query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.unwrap()
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
