//! Switches the log on.

use futures::future::BoxFuture;
use sea_orm::{ActiveValue::Set, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait};
use sea_orm_migration::SchemaManager;

use super::{bounds::is_on, cursor::Check};
use crate::{
    error::Error,
    migration::{exclusively, explained},
    tables::log,
};

/// Switches the log on in this database, unless it is on: adds `thorn_event.position` and its indexes.
///
/// Events from before aren't in the log: their position is 0. The statements of writers don't name the column, so it is
/// null in each new row, whichever release wrote it.
///
/// On MySQL each statement is a commit. An event of the moment between two of them may get the position 0, and a
/// switch that was broken off continues with the next call.
///
/// # Errors
///
/// [`Error::Database`], for instance if the database user may not change the table, or if transactions that have written
/// events stay open for longer than 10 s on PostgreSQL.
pub(crate) async fn switch_on(db: &DatabaseConnection) -> Result<(), Error> {
    // The check comes first so that a user without the right to change tables can start a server later on.
    if is_on(db).await? {
        return Ok(());
    }
    exclusively(db, "switching the log on", |txn| -> BoxFuture<'_, Result<(), Error>> { Box::pin(switch(txn)) }).await
}

async fn switch(txn: &DatabaseTransaction) -> Result<(), Error> {
    if is_on(txn).await? {
        return Ok(());
    }
    let backend = txn.get_database_backend();
    let manager = SchemaManager::new(txn);
    if backend == DbBackend::Postgres {
        // A statement that waits for this lock holds up every later writer.
        txn.execute_unprepared("SET LOCAL lock_timeout = '10s'").await?;
    }
    if !manager.has_column("thorn_event", "position").await? {
        for sql in add_column(backend) {
            txn.execute_unprepared(sql).await.map_err(explained)?;
        }
    }
    if backend == DbBackend::MySql {
        // A switch that was broken off before this statement would leave every new event outside the log.
        txn.execute_unprepared("ALTER TABLE thorn_event ALTER COLUMN position SET DEFAULT NULL").await?;
    }
    for (name, sql) in indexes(backend) {
        if !manager.has_index("thorn_event", name).await? {
            txn.execute_unprepared(sql).await?;
        }
    }
    let row = log::ActiveModel {
        id: Set(1),
        last_position: Set(0),
        complete_from: Set(1),
        check_before: Set(Check::random().to_string()),
    };
    log::Entity::insert(row).exec_without_returning(txn).await?;
    tracing::info!("the log of events is switched on");
    Ok(())
}

/// Gives rows from before the position 0 and new ones none. A constant default rewrites no table; SQLite can't drop one.
const fn add_column(backend: DbBackend) -> &'static [&'static str] {
    match backend {
        DbBackend::Sqlite => {
            &["ALTER TABLE thorn_event ADD COLUMN position BIGINT", "UPDATE thorn_event SET position = 0"]
        }
        DbBackend::Postgres => &[
            "ALTER TABLE thorn_event ADD COLUMN position BIGINT DEFAULT 0",
            "ALTER TABLE thorn_event ALTER COLUMN position DROP DEFAULT",
        ],
        _ => &["ALTER TABLE thorn_event ADD COLUMN position BIGINT NULL DEFAULT 0"],
    }
}

/// The indexes of the events to number and of the numbered ones. MySQL has no partial indexes, and 0 stands in many
/// rows, so its index isn't unique.
const fn indexes(backend: DbBackend) -> &'static [(&'static str, &'static str)] {
    match backend {
        DbBackend::MySql => &[("thorn_event_position", "CREATE INDEX thorn_event_position ON thorn_event (position)")],
        _ => &[
            (
                "thorn_event_unnumbered",
                "CREATE INDEX thorn_event_unnumbered ON thorn_event (id) WHERE position IS NULL",
            ),
            (
                "thorn_event_position",
                "CREATE UNIQUE INDEX thorn_event_position ON thorn_event (position) WHERE position > 0",
            ),
        ],
    }
}
