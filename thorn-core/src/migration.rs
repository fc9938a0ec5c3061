//! Thorn's tables as `sea-orm-migration` migrations.
//!
//! An application adds [`migrations`] to its own migrator, or calls [`migrate`] once at start.

mod m0001_tables;
mod m0002_options;

pub use sea_orm_migration::{MigrationTrait, MigratorTrait};

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, EntityTrait,
    PaginatorTrait, QueryFilter, Statement,
};
use sea_orm_migration::{
    SchemaManager,
    sea_query::{Alias, DynIden, IntoIden},
    seaql_migrations,
};

use crate::{db::transaction, error::Error};

/// The advisory lock of PostgreSQL, for each database its own: "thorn" and a number.
const LOCK: i64 = 0x7468_6f72_6e01;

/// That of MySQL, which holds for the whole server, and has at most 64 characters.
const MYSQL_LOCK: &str = "CONCAT('thorn_migration_', MD5(DATABASE()))";

/// Seconds that MySQL waits for it.
const PATIENCE: u32 = 60;

/// Thorn's own migrator. It keeps its history in `thorn_migration`, apart from the application's.
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

/// Thorn's migrations in order, to be appended to an application's own:
///
/// ```
/// use thorn_core::migration::{MigrationTrait, MigratorTrait, migrations};
///
/// struct AppMigrator;
///
/// impl MigratorTrait for AppMigrator {
///     fn migrations() -> Vec<Box<dyn MigrationTrait>> {
///         let mut all: Vec<Box<dyn MigrationTrait>> = vec![/* your own */];
///         all.extend(migrations());
///         all
///     }
/// }
/// ```
#[must_use]
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![Box::new(m0001_tables::Migration), Box::new(m0002_options::Migration)]
}

/// Brings thorn's tables up to date. Running it again changes nothing.
///
/// Any number of processes may call it at once: one works, the others wait for it. One that dies
/// meanwhile leaves nothing half made on SQLite and PostgreSQL, where it is one transaction; on
/// MySQL, which commits each statement, the next one goes on where it was.
///
/// # Errors
///
/// [`Error::Database`], for instance if the role may not create tables.
pub async fn migrate(db: &DatabaseConnection) -> Result<(), Error> {
    // Asked first, so that where nothing is to do a user without the right to create anything will do.
    if is_up_to_date(db).await? {
        return Ok(());
    }
    let db = db.clone();
    // Not given up halfway: MySQL's lock would stay with the connection, in the pool.
    let migrating = tokio::spawn(async move {
        // The connection that holds the lock must be the one that works.
        let txn = transaction::begin(&db).await?;
        lock(&txn).await?;
        let done = up(&txn).await;
        unlock(&txn).await?;
        match done {
            Ok(()) => txn.commit().await?,
            Err(error) => {
                txn.rollback().await?;
                return Err(error);
            }
        }
        Ok(())
    });
    migrating.await.map_err(|error| DbErr::Custom(format!("thorn's migrations ended early: {error}")))?
}

/// Whether all migrations were run, by [`migrate`] or by the application's own migrator.
async fn is_up_to_date(db: &DatabaseConnection) -> Result<bool, Error> {
    let manager = SchemaManager::new(db);
    if !manager.has_table("thorn_migration").await? {
        return already_in_the_applications_migrator(&manager).await;
    }
    let sql = "SELECT version FROM thorn_migration";
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await?;
    let done: Vec<String> = rows.iter().map(|row| row.try_get("", "version")).collect::<Result<_, _>>()?;
    Ok(migrations().iter().all(|migration| done.iter().any(|done| done == migration.name())))
}

async fn up(txn: &DatabaseTransaction) -> Result<(), Error> {
    if !already_in_the_applications_migrator(&SchemaManager::new(txn)).await? {
        Migrator::up(txn, None).await?;
    }
    Ok(())
}

/// Waits until nobody else migrates this database. SQLite's transaction has the lock already.
async fn lock(txn: &DatabaseTransaction) -> Result<(), DbErr> {
    match txn.get_database_backend() {
        DbBackend::Postgres => {
            txn.execute_unprepared(&format!("SELECT pg_advisory_xact_lock({LOCK})")).await?;
        }
        DbBackend::MySql => {
            let sql = format!("SELECT GET_LOCK({MYSQL_LOCK}, {PATIENCE}) AS got");
            let row = txn.query_one_raw(Statement::from_string(DbBackend::MySql, sql)).await?;
            let got: Option<i64> = row.map_or(Ok(None), |row| row.try_get("", "got"))?;
            if got != Some(1) {
                let message = format!("another process has been migrating for {PATIENCE} s; see SHOW PROCESSLIST");
                return Err(DbErr::Custom(message));
            }
        }
        _ => {}
    }
    Ok(())
}

/// PostgreSQL's lock ends with the transaction.
async fn unlock(txn: &DatabaseTransaction) -> Result<(), DbErr> {
    if txn.get_database_backend() == DbBackend::MySql {
        txn.execute_unprepared(&format!("DO RELEASE_LOCK({MYSQL_LOCK})")).await?;
    }
    Ok(())
}

/// An application that runs [`migrations`] in its own migrator has the tables, but no `thorn_migration`.
/// If it hasn't run the newest yet, they are run here, and find done what it has done; so does it later.
async fn already_in_the_applications_migrator(manager: &SchemaManager<'_>) -> Result<bool, Error> {
    if manager.has_table("thorn_migration").await? || !manager.has_table("seaql_migrations").await? {
        return Ok(false);
    }
    let names: Vec<String> = migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let wanted = names.len() as u64;
    let applied = seaql_migrations::Entity::find().filter(seaql_migrations::Column::Version.is_in(names));
    Ok(applied.count(manager.get_connection()).await? == wanted)
}
