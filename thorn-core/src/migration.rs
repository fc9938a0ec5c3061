//! The migrations of thorn's tables, for `sea-orm-migration`.
//!
//! An application calls [`migrate`] at start, or adds [`migrations`] to its own migrator.

mod exclusive;
mod m0001_tables;
mod m0002_options;
mod m0003_task_key;
mod m0004_row_changes;
mod m0005_counted_hosts;
mod m0006_purged_subscriptions;
mod m0007_holds;
mod m0008_paces;
mod m0009_api_keys;
mod m0010_payloads;
mod m0011_log;
mod m0012_tallies;
mod m0013_topics;
mod m0014_intents;
mod m0015_webhooks;
mod m0016_stream_sessions;
mod m0017_cloud_events;
mod m0018_confirmations;
mod m0019_senders;
mod m0020_hold_causes;
mod missing;

pub(crate) use exclusive::exclusively;
pub(crate) use missing::{explained, missing};
pub use sea_orm_migration::{MigrationTrait, MigratorTrait};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter,
    Statement,
};
use sea_orm_migration::{
    SchemaManager,
    sea_query::{Alias, DynIden, IntoIden},
    seaql_migrations,
};

use crate::error::Error;

/// A migrator for thorn's tables. It records applied migrations in the table `thorn_migration`.
#[derive(Debug)]
pub struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        migrations()
    }

    fn migration_table_name() -> DynIden {
        Alias::new("thorn_migration").into_iden()
    }
}

/// The migrations in order, for an application that runs them in its own migrator.
///
/// # Examples
///
/// ```
/// use thorn_core::migration::{MigrationTrait, MigratorTrait, migrations};
///
/// struct AppMigrator;
///
/// impl MigratorTrait for AppMigrator {
///     fn migrations() -> Vec<Box<dyn MigrationTrait>> {
///         let mut all: Vec<Box<dyn MigrationTrait>> = vec![/* the application's migrations */];
///         all.extend(migrations());
///         all
///     }
/// }
/// ```
#[must_use]
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(m0001_tables::Migration),
        Box::new(m0002_options::Migration),
        Box::new(m0003_task_key::Migration),
        Box::new(m0004_row_changes::Migration),
        Box::new(m0005_counted_hosts::Migration),
        Box::new(m0006_purged_subscriptions::Migration),
        Box::new(m0007_holds::Migration),
        Box::new(m0008_paces::Migration),
        Box::new(m0009_api_keys::Migration),
        Box::new(m0010_payloads::Migration),
        Box::new(m0011_log::Migration),
        Box::new(m0012_tallies::Migration),
        Box::new(m0013_topics::Migration),
        Box::new(m0014_intents::Migration),
        Box::new(m0015_webhooks::Migration),
        Box::new(m0016_stream_sessions::Migration),
        Box::new(m0017_cloud_events::Migration),
        Box::new(m0018_confirmations::Migration),
        Box::new(m0019_senders::Migration),
        Box::new(m0020_hold_causes::Migration),
    ]
}

/// Creates thorn's tables, or brings them up to date. If they are up to date, it changes nothing.
///
/// Several processes may call it at the same time. One migrates, and the others wait. If a process dies during
/// the migration, SQLite and PostgreSQL roll it back. MySQL commits each statement, so the next call continues
/// where the migration stopped.
///
/// # Errors
///
/// [`Error::Database`], for instance if the database user may not create tables.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "sqlite")]
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let db = thorn_core::connect("sqlite::memory:").await?;
/// thorn_core::migration::migrate(&db).await?;
/// # Ok::<(), thorn_core::Error>(())
/// # }).unwrap();
/// ```
pub async fn migrate(db: &DatabaseConnection) -> Result<(), Error> {
    // The check comes first so that a user without the right to create tables can start the application.
    if is_up_to_date(db).await? {
        return Ok(());
    }
    exclusively(db, "thorn's migration", |txn| Box::pin(up(txn))).await
}

/// Whether [`migrate`] or the application's own migrator has applied all migrations.
async fn is_up_to_date(db: &DatabaseConnection) -> Result<bool, Error> {
    let manager = SchemaManager::new(db);
    if !manager.has_table("thorn_migration").await? {
        return applied_by_the_applications_migrator(&manager).await;
    }
    let sql = "SELECT version FROM thorn_migration";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let applied: Vec<String> = rows.iter().map(|row| row.try_get("", "version")).collect::<Result<_, _>>()?;
    Ok(migrations().iter().all(|migration| applied.iter().any(|name| name == migration.name())))
}

async fn up(txn: &DatabaseTransaction) -> Result<(), Error> {
    if !applied_by_the_applications_migrator(&SchemaManager::new(txn)).await? {
        Migrator::up(txn, None).await?;
    }
    Ok(())
}

/// Whether the application has applied all of [`migrations`] with its own migrator, so that there is no
/// `thorn_migration`.
///
/// If only some are applied, [`migrate`] runs all of them. Each migration skips what already exists, also when
/// the application's migrator runs it later.
async fn applied_by_the_applications_migrator(manager: &SchemaManager<'_>) -> Result<bool, Error> {
    if manager.has_table("thorn_migration").await? || !manager.has_table("seaql_migrations").await? {
        return Ok(false);
    }
    let names: Vec<String> = migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let expected = names.len() as u64;
    let applied = seaql_migrations::Entity::find().filter(seaql_migrations::Column::Version.is_in(names));
    Ok(applied.count(manager.get_connection()).await? == expected)
}
