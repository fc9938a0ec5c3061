//! What apalis's tables are asked and told on SQLite and on PostgreSQL, which differ in little but
//! the names.

use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, QueryResult, Value};
use ulid::Ulid;

use super::task::{MAX_ATTEMPTS, Tasks, made_at};
use crate::{Error, Timestamp, statement::statement};

/// Tasks of one INSERT.
const ROWS_PER_INSERT: usize = 200;

/// The tables of one database, and how it says things.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) jobs: &'static str,
    pub(super) workers: &'static str,
    /// Metadata of a task that has none.
    pub(super) no_metadata: &'static str,
    pub(super) now: &'static str,
    pub(super) an_hour_ago: &'static str,
    /// Leaves rows alone that another worker is deleting.
    pub(super) skip_locked: &'static str,
}

/// The queue of this name in them.
#[derive(Clone, Debug)]
pub(super) struct Tables {
    pub(super) db: DatabaseConnection,
    pub(super) queue: String,
    pub(super) names: &'static Names,
}

impl Tables {
    pub(super) async fn enqueue(&self, txn: &DatabaseTransaction, tasks: &[String]) -> Result<(), Error> {
        let Names { jobs, no_metadata, .. } = self.names;
        for batch in tasks.chunks(ROWS_PER_INSERT) {
            let row = format!("(?, ?, ?, {MAX_ATTEMPTS}, {no_metadata})");
            let rows = vec![row; batch.len()].join(", ");
            let sql = format!("INSERT INTO {jobs} (id, job_type, job, max_attempts, metadata) VALUES {rows}");
            let values = batch.iter().flat_map(|task| {
                [
                    Value::from(Ulid::generate().to_string()),
                    Value::from(self.queue.clone()),
                    Value::from(task.clone().into_bytes()),
                ]
            });
            txn.execute_raw(statement(txn.get_database_backend(), &sql, values)).await?;
        }
        Ok(())
    }

    pub(super) async fn depth(&self) -> Result<u64, Error> {
        let row = self.unfinished("COUNT(*) AS depth").await?;
        let depth: i64 = row.map_or(Ok(0), |row| row.try_get("", "depth"))?;
        Ok(u64::try_from(depth).unwrap_or(0))
    }

    pub(super) async fn oldest(&self) -> Result<Option<Timestamp>, Error> {
        let row = self.unfinished("MIN(id) AS oldest").await?;
        let id: Option<String> = row.map_or(Ok(None), |row| row.try_get("", "oldest"))?;
        Ok(id.as_deref().and_then(made_at))
    }

    async fn unfinished(&self, what: &str) -> Result<Option<QueryResult>, Error> {
        let Names { jobs, .. } = self.names;
        let sql = format!(
            "SELECT {what} FROM {jobs} WHERE job_type = ? AND status IN ('Pending', 'Queued', 'Running', 'Failed')"
        );
        let values = [Value::from(self.queue.clone())];
        Ok(self.db.query_one_raw(statement(self.db.get_database_backend(), &sql, values)).await?)
    }

    pub(super) async fn sweep(&self) -> Result<(), Error> {
        let Names { jobs, workers, an_hour_ago, skip_locked, .. } = self.names;
        let finished = format!(
            "DELETE FROM {jobs} WHERE id IN (SELECT id FROM {jobs} \
             WHERE job_type = ? AND status IN ('Done', 'Killed'){skip_locked})"
        );
        let dead = format!(
            "DELETE FROM {workers} WHERE id IN (SELECT id FROM {workers} WHERE worker_type = ? \
             AND last_seen < {an_hour_ago} AND NOT EXISTS \
             (SELECT 1 FROM {jobs} WHERE {jobs}.lock_by = {workers}.id){skip_locked})"
        );
        for sql in [finished, dead] {
            let values = [Value::from(self.queue.clone())];
            self.db.execute_raw(statement(self.db.get_database_backend(), &sql, values)).await?;
        }
        Ok(())
    }

    pub(super) async fn beat(&self, names: &[String]) -> Result<(), Error> {
        let Names { workers, now, .. } = self.names;
        self.of_workers(&format!("UPDATE {workers} SET last_seen = {now} WHERE id"), names).await
    }

    pub(super) async fn hand_back(&self, names: &[String], tasks: &Tasks) -> Result<(), Error> {
        let Names { jobs, now, .. } = self.names;
        // ULIDs need no quoting beyond their quotes.
        let finished = tasks.finished().iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
        if !finished.is_empty() {
            let done =
                format!("UPDATE {jobs} SET status = 'Done', done_at = {now} WHERE id IN ({finished}) AND lock_by");
            self.of_workers(&done, names).await?;
        }
        let rest = format!(
            "UPDATE {jobs} SET status = 'Pending', lock_by = NULL, lock_at = NULL, attempts = attempts + 1 \
             WHERE status IN ('Queued', 'Running') AND lock_by"
        );
        self.of_workers(&rest, names).await
    }

    /// A statement that ends in a column, for the rows in which that is one of these workers.
    async fn of_workers(&self, sql: &str, names: &[String]) -> Result<(), Error> {
        if names.is_empty() {
            return Ok(());
        }
        let sql = format!("{sql} IN ({})", vec!["?"; names.len()].join(", "));
        let values = names.iter().map(Value::from);
        self.db.execute_raw(statement(self.db.get_database_backend(), &sql, values)).await?;
        Ok(())
    }
}
