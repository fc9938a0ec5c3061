//! A worker's row in `thorn_worker`. All its times are by the database's clock.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, FromQueryResult, Value, prelude::Uuid};
use tokio::time::Instant;

use super::view::View;
use crate::{
    db::{now_in_millis, statement},
    error::Error,
    timestamp::Timestamp,
};

/// Rows of workers that haven't been seen for this time are deleted. A worker that stops deletes its own.
const FORGET_AFTER: Duration = Duration::from_secs(60 * 60);

/// A worker, as the others see it.
#[derive(Clone, Debug)]
pub(crate) struct WorkerRow {
    pub(crate) id: Uuid,
    name: String,
    /// How long the others count it as alive after it was seen.
    alive_for: Duration,
}

/// A row of the table.
#[derive(Debug, FromQueryResult)]
struct Seen {
    id: Uuid,
    view: i64,
    /// For how many more milliseconds it counts as alive.
    alive: i64,
}

/// Whom a worker found alive.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) view: View,
    /// Whether all of them count the same workers as alive.
    pub(crate) is_agreed: bool,
    /// Until when this worker counts as alive.
    pub(crate) until: Instant,
}

impl WorkerRow {
    /// A new worker of this process. Others count it as alive for `alive_for` after it was seen.
    pub(crate) fn new(alive_for: Duration) -> Self {
        // Containers have their name in this variable.
        let host = std::env::var("HOSTNAME").ok().filter(|name| !name.is_empty());
        let host = host.as_deref().unwrap_or("thorn").chars().take(100).collect::<String>();
        Self { id: Uuid::now_v7(), name: format!("{host}-{}", std::process::id()), alive_for }
    }

    /// Writes that the worker is alive and counts the workers of this view, and reads which ones are alive.
    pub(crate) async fn write_and_read(&self, db: &DatabaseConnection, view: &View) -> Result<Found, Error> {
        let until = Instant::now() + self.alive_for;
        self.write(db, view).await?;
        let (alive, view) = read(db).await?;
        let is_agreed = alive.iter().all(|seen| seen.view == view.fingerprint());
        Ok(Found { view, is_agreed, until })
    }

    async fn write(&self, db: &DatabaseConnection, view: &View) -> Result<(), Error> {
        let backend = db.get_database_backend();
        let now = now_in_millis(backend);
        let columns = ["seen_at", "live_until", "clock_ms", "view"];
        let set = columns.map(|column| match backend {
            DbBackend::MySql => format!("{column} = VALUES({column})"),
            _ => format!("{column} = excluded.{column}"),
        });
        let conflict = match backend {
            DbBackend::MySql => "ON DUPLICATE KEY UPDATE",
            _ => "ON CONFLICT (id) DO UPDATE SET",
        };
        let sql = format!(
            "INSERT INTO thorn_worker (id, name, version, started_at, {}) \
             VALUES (?, ?, ?, {now}, {now}, {now} + ?, ? - {now}, ?) {conflict} {}",
            columns.join(", "),
            set.join(", ")
        );
        let values = [
            Value::from(self.id),
            self.name.clone().into(),
            env!("CARGO_PKG_VERSION").into(),
            millis(self.alive_for).into(),
            Timestamp::now().as_millis().into(),
            view.fingerprint().into(),
        ];
        db.execute_raw(statement(backend, &sql, values)).await?;
        Ok(())
    }

    /// Deletes the row, so that the others take the worker's share at once.
    pub(crate) async fn delete(&self, db: &DatabaseConnection) -> Result<(), Error> {
        let sql = "DELETE FROM thorn_worker WHERE id = ?";
        db.execute_raw(statement(db.get_database_backend(), sql, [self.id.into()])).await?;
        Ok(())
    }
}

/// Reads who is alive, and deletes rows of workers that have been gone for long.
async fn read(db: &DatabaseConnection) -> Result<(Vec<Seen>, View), Error> {
    let backend = db.get_database_backend();
    let now = now_in_millis(backend);
    let sql = format!("SELECT id, view, live_until - {now} AS alive FROM thorn_worker");
    let mut seen = Seen::find_by_statement(statement(backend, &sql, [])).all(db).await?;
    let forgotten = -millis(FORGET_AFTER);
    if seen.iter().any(|seen| seen.alive < forgotten) {
        let sql = format!("DELETE FROM thorn_worker WHERE live_until < {now} + ?");
        db.execute_raw(statement(backend, &sql, [forgotten.into()])).await?;
    }
    seen.retain(|seen| seen.alive > 0);
    let view = View::of(seen.iter().map(|seen| seen.id));
    Ok((seen, view))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
