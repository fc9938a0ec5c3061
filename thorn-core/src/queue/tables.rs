//! The SQL on apalis's tables. SQLite and PostgreSQL differ in little but the names.
//!
//! # Works around
//!
//! - apalis-sqlite and apalis-postgres 1.0.0 enqueue on their own pool, so a task would be there without its
//!   claim. [`Tables::enqueue`] inserts the rows in the relay's transaction. Use apalis's sink once it takes a
//!   transaction.
//! - They never delete finished tasks, or only with a `VACUUM` (SQLite), and every fetch and acknowledgement
//!   gets slower with their number. [`Tables::sweep`] deletes them, and workers that are long dead. Use
//!   `vacuum` once it deletes one queue's finished tasks without a `VACUUM`.
//! - A fetch compares `run_at` with the clock, so a clock that is set back would hold up new tasks. They are
//!   inserted with a `run_at` of long ago. Insert none once a task without `run_at` runs at once on both.
//! - Handing tasks back and deleting unreadable ones belong to the workarounds of `supervise.rs`.
//!
//! No upstream issues are known. The columns are those of apalis's migrations in these versions; after an
//! update of apalis, compare them with `migrations/` of both crates.

use std::sync::Arc;

use futures::future::BoxFuture;
use sea_orm::{ConnectionTrait, DatabaseConnection, DatabaseTransaction, QueryResult, Value};
use tokio::sync::Notify;
use ulid::Ulid;

use super::{
    Backend, QueueOptions,
    idle_poll::IdlePoll,
    task::{Envelope, MAX_ATTEMPTS, Tasks, enqueued_at},
};
use crate::{
    db::{batches, statement},
    error::Error,
    timestamp::Timestamp,
};

/// Ids of one `IN (…)`.
const IDS_PER_QUERY: usize = 500;

const UNFINISHED: &str = "'Pending', 'Queued', 'Running', 'Failed'";

/// The differences between the databases.
#[derive(Debug)]
pub(super) struct Dialect {
    pub(super) jobs: &'static str,
    pub(super) workers: &'static str,
    /// The value of the column `metadata` without metadata.
    pub(super) no_metadata: &'static str,
    pub(super) now: &'static str,
    pub(super) an_hour_ago: &'static str,
    /// The `run_at` of new tasks. Older tasks have an earlier one and come first.
    pub(super) long_ago: &'static str,
    /// Skips rows that another worker is deleting.
    pub(super) skip_locked: &'static str,
    /// A statement for each transaction that enqueues tasks.
    pub(super) before_commit: Option<&'static str>,
    /// Implements [`Backend::worker`].
    pub(super) worker: fn(&Tables, &str, Tasks) -> BoxFuture<'static, Result<(), Error>>,
    /// Implements [`Backend::mend`].
    pub(super) mend: fn(&DatabaseConnection) -> BoxFuture<'_, Result<(), Error>>,
}

/// The queue in apalis's tables of the application's own database.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) db: DatabaseConnection,
    pub(super) options: QueueOptions,
    wake: Arc<Notify>,
    dialect: &'static Dialect,
}

impl Tables {
    /// The queue in existing tables.
    pub(super) fn new(db: &DatabaseConnection, options: QueueOptions, dialect: &'static Dialect) -> Self {
        Self { db: db.clone(), options, wake: Arc::default(), dialect }
    }

    /// How an idle worker polls this queue.
    pub(super) fn idle_poll(&self) -> IdlePoll {
        IdlePoll::new(self.wake.clone(), self.options.poll)
    }

    /// Selects an aggregate of the unfinished tasks.
    async fn unfinished(&self, what: &str) -> Result<Option<QueryResult>, Error> {
        let Dialect { jobs, .. } = self.dialect;
        let sql = format!("SELECT {what} FROM {jobs} WHERE job_type = ? AND status IN ({UNFINISHED})");
        let values = [Value::from(self.options.name.clone())];
        Ok(self.db.query_one_raw(statement(self.db.get_database_backend(), &sql, values)).await?)
    }

    /// Runs a statement that ends in the name of a column, for the rows whose column names one of these
    /// workers.
    async fn for_workers(&self, sql: &str, names: &[String]) -> Result<(), Error> {
        if names.is_empty() {
            return Ok(());
        }
        let sql = format!("{sql} IN ({})", vec!["?"; names.len()].join(", "));
        let values = names.iter().map(Value::from);
        self.db.execute_raw(statement(self.db.get_database_backend(), &sql, values)).await?;
        Ok(())
    }
}

#[async_trait::async_trait]
impl Backend for Tables {
    async fn enqueue(&self, txn: &DatabaseTransaction, tasks: Vec<String>) -> Result<Vec<String>, Error> {
        let Dialect { jobs, no_metadata, long_ago, before_commit, .. } = self.dialect;
        if let Some(sql) = before_commit {
            txn.execute_unprepared(sql).await?;
        }
        for batch in batches(tasks, 3, String::len) {
            let row = format!("(?, ?, ?, {MAX_ATTEMPTS}, {no_metadata}, {long_ago})");
            let rows = vec![row; batch.len()].join(", ");
            let sql = format!("INSERT INTO {jobs} (id, job_type, job, max_attempts, metadata, run_at) VALUES {rows}");
            let values = batch.into_iter().flat_map(|task| {
                [
                    Value::from(Ulid::generate().to_string()),
                    Value::from(self.options.name.clone()),
                    Value::from(task.into_bytes()),
                ]
            });
            txn.execute_raw(statement(txn.get_database_backend(), &sql, values)).await?;
        }
        Ok(Vec::new())
    }

    fn wake(&self) {
        self.wake.notify_one();
    }

    async fn depth(&self) -> Result<u64, Error> {
        let row = self.unfinished("COUNT(*) AS depth").await?;
        let depth: i64 = row.map_or(Ok(0), |row| row.try_get("", "depth"))?;
        Ok(u64::try_from(depth).unwrap_or(0))
    }

    async fn oldest(&self) -> Result<Option<Timestamp>, Error> {
        let row = self.unfinished("MIN(id) AS oldest").await?;
        let id: Option<String> = row.map_or(Ok(None), |row| row.try_get("", "oldest"))?;
        Ok(id.as_deref().and_then(enqueued_at))
    }

    async fn sweep(&self) -> Result<(), Error> {
        let Dialect { jobs, workers, an_hour_ago, skip_locked, .. } = self.dialect;
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
            let values = [Value::from(self.options.name.clone())];
            self.db.execute_raw(statement(self.db.get_database_backend(), &sql, values)).await?;
        }
        Ok(())
    }

    fn worker(&self, name: &str, tasks: Tasks) -> BoxFuture<'static, Result<(), Error>> {
        (self.dialect.worker)(self, name, tasks)
    }

    async fn beat(&self, names: &[String]) -> Result<(), Error> {
        let Dialect { workers, now, .. } = self.dialect;
        self.for_workers(&format!("UPDATE {workers} SET last_seen = {now} WHERE id"), names).await
    }

    async fn mend(&self) -> Result<(), Error> {
        (self.dialect.mend)(&self.db).await
    }

    async fn discard_unreadable(&self) -> Result<usize, Error> {
        let Dialect { jobs, .. } = self.dialect;
        let backend = self.db.get_database_backend();
        let sql = format!("SELECT id, job FROM {jobs} WHERE job_type = ? AND status IN ({UNFINISHED})");
        let name = Value::from(self.options.name.clone());
        let rows = self.db.query_all_raw(statement(backend, &sql, [name.clone()])).await?;
        let mut unreadable = Vec::new();
        for row in rows {
            let (id, job): (String, Vec<u8>) = (row.try_get("", "id")?, row.try_get("", "job").unwrap_or_default());
            if !Envelope::is_readable(&id, &job) {
                unreadable.push(id);
            }
        }
        for ids in unreadable.chunks(IDS_PER_QUERY) {
            let sql = format!("DELETE FROM {jobs} WHERE job_type = ? AND id IN ({})", vec!["?"; ids.len()].join(", "));
            let values = std::iter::once(name.clone()).chain(ids.iter().map(Value::from));
            self.db.execute_raw(statement(backend, &sql, values)).await?;
        }
        Ok(unreadable.len())
    }

    async fn hand_back(&self, names: &[String], tasks: &Tasks) -> Result<(), Error> {
        let Dialect { jobs, now, .. } = self.dialect;
        // ULIDs need no quoting beyond their quotes.
        let finished = tasks.finished().iter().map(|id| format!("'{id}'")).collect::<Vec<_>>().join(", ");
        if !finished.is_empty() {
            let done =
                format!("UPDATE {jobs} SET status = 'Done', done_at = {now} WHERE id IN ({finished}) AND lock_by");
            self.for_workers(&done, names).await?;
        }
        let rest = format!(
            "UPDATE {jobs} SET status = 'Pending', lock_by = NULL, lock_at = NULL, attempts = attempts + 1 \
             WHERE status IN ('Queued', 'Running') AND lock_by"
        );
        self.for_workers(&rest, names).await
    }
}

#[cfg(all(test, feature = "postgres"))]
mod tests {
    use std::time::Duration;

    use sea_orm::{DbBackend, DbErr, Statement, TransactionTrait as _};

    use super::{ConnectionTrait, QueueOptions};
    use crate::{fanout::Chunk, queue::Queue};

    async fn waits_for_the_disk<C: ConnectionTrait>(db: &C) -> Result<String, DbErr> {
        let show = Statement::from_string(DbBackend::Postgres, "SHOW synchronous_commit");
        let row = db.query_one_raw(show).await?;
        row.ok_or(DbErr::RecordNotInserted)?.try_get("", "synchronous_commit")
    }

    #[tokio::test]
    async fn a_claim_does_not_wait_for_the_disk_and_later_commits_do() {
        let Some(place) = thorn_test_support::Place::postgres().await else { return };
        let db = crate::connect(&place.url).await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let second = Duration::from_secs(1);
        let options = QueueOptions { name: "thorn".into(), poll: second, takeover: second, batch: 1 };
        let queue = Queue::open(&db, None, options).await.unwrap();
        let tasks = queue.seal(vec![Chunk::read(r#"{"v":1,"events":[],"deliveries":[]}"#).unwrap()]).unwrap();
        let txn = db.begin().await.unwrap();
        assert_eq!(waits_for_the_disk(&txn).await.unwrap(), "on");
        let staged = queue.enqueue(&txn, tasks).await.unwrap();
        assert_eq!(waits_for_the_disk(&txn).await.unwrap(), "off");
        txn.commit().await.unwrap();
        staged.send().await;
        assert_eq!(waits_for_the_disk(&db).await.unwrap(), "on");
        assert_eq!(queue.depth().await.unwrap(), 1);
    }
}
