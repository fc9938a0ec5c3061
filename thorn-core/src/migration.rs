//! Thorn's tables as `sea-orm-migration` migrations.
//!
//! An application adds [`migrations`] to its own migrator, or calls [`migrate`] once at start.

mod m0001_tables;
mod m0002_options;

pub use sea_orm_migration::{MigrationTrait, MigratorTrait};

use sea_orm::{ColumnTrait, DatabaseConnection, DbBackend, EntityTrait, PaginatorTrait, QueryFilter};
use sea_orm_migration::{
    SchemaManager,
    sea_query::{Alias, DynIden, IntoIden},
    seaql_migrations,
};

use crate::{Error, transaction};

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
/// On SQLite any number of processes may call it at once, and one that dies meanwhile leaves no
/// table half made: it is one transaction that holds the write lock from its beginning.
///
/// # Errors
///
/// [`Error::Database`], for instance if the role may not create tables.
pub async fn migrate(db: &DatabaseConnection) -> Result<(), Error> {
    if db.get_database_backend() == DbBackend::Sqlite {
        let txn = transaction::begin(db).await?;
        if !already_in_the_applications_migrator(&SchemaManager::new(&txn)).await? {
            Migrator::up(&txn, None).await?;
        }
        txn.commit().await?;
    } else if !already_in_the_applications_migrator(&SchemaManager::new(db)).await? {
        Migrator::up(db, None).await?;
    }
    Ok(())
}

/// An application that runs [`migrations`] in its own migrator has the tables, but no `thorn_migration`.
async fn already_in_the_applications_migrator(manager: &SchemaManager<'_>) -> Result<bool, Error> {
    if manager.has_table("thorn_migration").await? || !manager.has_table("seaql_migrations").await? {
        return Ok(false);
    }
    let names: Vec<String> = migrations().iter().map(|migration| migration.name().to_owned()).collect();
    let wanted = names.len() as u64;
    let applied = seaql_migrations::Entity::find().filter(seaql_migrations::Column::Version.is_in(names));
    Ok(applied.count(manager.get_connection()).await? == wanted)
}
