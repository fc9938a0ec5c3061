//! The queue in a table of the database, watched and tampered with as who can write to it could.

use sea_orm::DbBackend;
use serde_json::Value as Json;
use thorn_test_support::{is_mysql, skipped};

use super::TestApp;

/// Whether the queue is in the database, where a test can see its tasks. If it isn't, the test is reported as
/// skipped.
pub(crate) fn sees_tasks() -> bool {
    if is_mysql() {
        skipped("MySQL has no queue in the database");
    }
    !is_mysql()
}

impl TestApp {
    /// The table in which apalis has tasks.
    pub(crate) fn jobs(&self) -> &'static str {
        match self.db().get_database_backend() {
            DbBackend::Postgres => "apalis.jobs",
            DbBackend::Sqlite => "Jobs",
            _ => panic!("MySQL has no queue in the database"),
        }
    }

    /// Runs a statement after each task that is enqueued, whose row is `NEW`, until
    /// [`leave_tasks`](Self::leave_tasks). A worker must have made the table.
    pub(crate) async fn on_each_task(&self, sqlite: &str, postgres: &str) {
        let jobs = self.jobs();
        let sql = match self.db().get_database_backend() {
            DbBackend::Postgres => format!(
                "CREATE FUNCTION on_task() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {postgres}; RETURN NULL; END $$; \
                 CREATE TRIGGER on_task AFTER INSERT ON {jobs} FOR EACH ROW EXECUTE FUNCTION on_task()"
            ),
            _ => format!("CREATE TRIGGER on_task AFTER INSERT ON {jobs} BEGIN {sqlite}; END"),
        };
        self.execute(&sql).await;
    }

    pub(crate) async fn leave_tasks(&self) {
        match self.db().get_database_backend() {
            DbBackend::Postgres => self.execute("DROP TRIGGER on_task ON apalis.jobs").await,
            _ => self.execute("DROP TRIGGER on_task").await,
        }
    }

    /// Takes every task away that is enqueued from now on.
    pub(crate) async fn lose_tasks(&self) {
        let sql = format!("DELETE FROM {} WHERE id = NEW.id", self.jobs());
        self.on_each_task(&sql, &sql).await;
    }

    /// Replaces a text in the first task that is enqueued from now on, as somebody could who can write to the queue.
    pub(crate) async fn forge_a_task(&self, text: &str, other: &str) {
        self.execute("CREATE TABLE forged (id VARCHAR(100))").await;
        let (text, other) = (text.replace('\'', "''"), other.replace('\'', "''"));
        let first = "id = NEW.id AND NOT EXISTS (SELECT 1 FROM forged); INSERT INTO forged VALUES (NEW.id)";
        self.on_each_task(
            &format!(
                "UPDATE Jobs SET job = CAST(replace(CAST(job AS TEXT), '{text}', '{other}') AS BLOB) WHERE {first}"
            ),
            &format!(
                "UPDATE apalis.jobs SET job = convert_to(replace(convert_from(job, 'UTF8'), '{text}', '{other}'), \
                 'UTF8') WHERE {first}"
            ),
        )
        .await;
    }

    /// Keeps a copy of every task that is enqueued from now on.
    pub(crate) async fn watch_tasks(&self) {
        self.execute(&format!("CREATE TABLE seen AS SELECT job FROM {} WHERE 1 = 0", self.jobs())).await;
        let sql = "INSERT INTO seen VALUES (NEW.job)";
        self.on_each_task(sql, sql).await;
    }

    /// The copies.
    pub(crate) async fn seen_tasks(&self) -> Vec<String> {
        self.text(match self.db().get_database_backend() {
            DbBackend::Postgres => "SELECT convert_from(job, 'UTF8') AS text FROM seen",
            _ => "SELECT CAST(job AS TEXT) AS text FROM seen",
        })
        .await
    }

    pub(crate) async fn seen_chunks(&self) -> Vec<Json> {
        self.seen_tasks().await.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }
}
