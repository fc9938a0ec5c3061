//! Creates apalis's tables, and mends them.
//!
//! # Works around
//!
//! - apalis-postgres 1.0.0: `setup` and the migrator need the right to create schemas and extensions each
//!   time, even if all tables exist. [`make`] compares the versions first. Run the migrator alone once
//!   it needs no such right for a complete schema; the integration tests `databases::rights` show it.
//! - Its migrations create the extensions `pgcrypto` and `hstore` wherever `search_path` begins. If that is the
//!   schema of an application, `DROP SCHEMA … CASCADE` takes the extensions with it, and with them a column of
//!   every application's queue. [`make`] creates them in the schema `apalis`, and [`mend`] adds the column again. Run
//!   the migrator alone once `CREATE EXTENSION` names a schema.
//! - sqlx 0.9.0: the migrator's lock belongs to a session, which a pooler such as PgBouncer may share. [`make`] holds
//!   a lock of its transaction instead. Drop that once the migrator has such a lock.
//! - apalis-postgres 1.0.0: the column `job` has PostgreSQL's default storage, so the server tries in vain to
//!   compress each task. [`store_uncompressed`] changes that. Delete it once the migrations set the storage.
//!
//! No upstream issues are known.

use std::collections::HashSet;

use apalis_postgres::PostgresStorage;
use sea_orm::{
    DatabaseConnection,
    sqlx::{self, Connection as _, PgConnection, PgPool, migrate::MigrateError},
};

/// The key of the advisory lock: "thorn" in ASCII and a number. Each database has its own locks.
const LOCK: i64 = 0x7468_6f72_6e02;

/// Runs apalis's migrations unless all of them were run, so that later starts need no right to create
/// anything. Workers that start at the same time wait for each other.
pub(super) async fn make(db: &DatabaseConnection) -> Result<(), MigrateError> {
    let pool = db.get_postgres_connection_pool();
    if is_complete(&mut *pool.acquire().await?).await? {
        return Ok(());
    }
    let mut txn = pool.begin().await?;
    lock(&mut txn).await?;
    if !is_complete(&mut txn).await? {
        sqlx::query("CREATE SCHEMA IF NOT EXISTS apalis").execute(&mut *txn).await?;
        use_schema_of_apalis(&mut txn).await?;
        PostgresStorage::migrations().set_ignore_missing(true).set_locking(false).run(&mut *txn).await?;
    }
    txn.commit().await?;
    Ok(())
}

/// Adds the column that is gone with the extension `hstore`, and says so. Warns if that may happen.
pub(super) async fn mend(db: &DatabaseConnection) -> Result<(), sqlx::Error> {
    let pool = db.get_postgres_connection_pool();
    mend_column(pool).await?;
    forget_statements(pool).await
}

/// Makes idle connections forget their prepared statements. PostgreSQL refuses those that return all columns of a
/// table which has another column since ("cached plan must not change result type"), and sqlx would try them for ever.
async fn forget_statements(pool: &PgPool) -> Result<(), sqlx::Error> {
    let mut idle: Vec<_> = std::iter::from_fn(|| pool.try_acquire()).collect();
    for connection in &mut idle {
        connection.clear_cached_statements().await?;
    }
    Ok(())
}

async fn mend_column(pool: &PgPool) -> Result<(), sqlx::Error> {
    match schema_of_hstore(&mut *pool.acquire().await?).await?.as_deref() {
        Some("apalis" | "public") => return Ok(()),
        Some(schema) => {
            tracing::warn!(
                schema,
                "the queue needs the extension hstore, which goes with this schema; before you drop the schema, run \
                 ALTER EXTENSION hstore SET SCHEMA public"
            );
            return Ok(());
        }
        None => {}
    }
    let mut txn = pool.begin().await?;
    lock(&mut txn).await?;
    use_schema_of_apalis(&mut txn).await?;
    sqlx::query("CREATE EXTENSION IF NOT EXISTS hstore").execute(&mut *txn).await?;
    use_schema_of_apalis(&mut txn).await?;
    sqlx::query("ALTER TABLE apalis.jobs ADD COLUMN IF NOT EXISTS metadata hstore").execute(&mut *txn).await?;
    txn.commit().await?;
    tracing::warn!(
        "the queue's table had lost a column, because the schema with the extension hstore was dropped; added it again"
    );
    Ok(())
}

/// Keeps PostgreSQL from compressing tasks. They are mostly ids and signatures, so compression saves nothing,
/// and storing a task takes five times as long.
pub(super) async fn store_uncompressed(db: &DatabaseConnection) -> Result<(), sqlx::Error> {
    let pool = db.get_postgres_connection_pool();
    let compresses = "SELECT attstorage <> 'e' FROM pg_attribute \
                      WHERE attrelid = 'apalis.jobs'::regclass AND attname = 'job'";
    if sqlx::query_scalar(compresses).fetch_one(pool).await? {
        sqlx::query("ALTER TABLE apalis.jobs ALTER COLUMN job SET STORAGE EXTERNAL").execute(pool).await?;
    }
    Ok(())
}

async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(connection).await?;
    Ok(())
}

/// Until the end of the transaction, creates things in the schema `apalis`, and finds extensions wherever they are.
async fn use_schema_of_apalis(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let path = "SELECT set_config('search_path', concat_ws(', ', 'apalis', \
                (SELECT string_agg(DISTINCT quote_ident(nspname), ', ') FROM pg_extension \
                 JOIN pg_namespace ON pg_namespace.oid = extnamespace)), true)";
    sqlx::query(path).execute(connection).await?;
    Ok(())
}

/// Whether all migrations were run.
async fn is_complete(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    // After a wait for the lock, the session's cache of names still lacks what another session made meanwhile, and
    // `to_regclass` and `CREATE SCHEMA IF NOT EXISTS` believe it. Reading a table, as here, brings the cache up to date.
    let table = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON \
                 pg_namespace.oid = relnamespace WHERE nspname = 'apalis' AND relname = '_sqlx_migrations')";
    if !sqlx::query_scalar::<_, bool>(table).fetch_one(&mut *connection).await? {
        return Ok(false);
    }
    let versions = "SELECT version FROM apalis._sqlx_migrations WHERE success";
    let done: HashSet<i64> = sqlx::query_scalar(versions).fetch_all(connection).await?.into_iter().collect();
    let migrations = PostgresStorage::migrations();
    let mut wanted = migrations.iter().filter(|migration| migration.migration_type.is_up_migration());
    Ok(wanted.all(|migration| done.contains(&migration.version)))
}

/// The schema of the type of `apalis.jobs.metadata`; `None` if the column is gone.
async fn schema_of_hstore(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let schema = "SELECT nspname::text FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid \
                  JOIN pg_namespace ON pg_namespace.oid = typnamespace \
                  WHERE attrelid = 'apalis.jobs'::regclass AND attname = 'metadata' AND NOT attisdropped";
    sqlx::query_scalar(schema).fetch_optional(connection).await
}

#[cfg(test)]
mod tests {
    use thorn_test_support::eventually;

    use super::*;

    #[tokio::test]
    async fn a_session_that_waited_for_the_lock_sees_the_schema_of_another() {
        let Some(place) = thorn_test_support::Place::postgres().await else { return };
        let mut one_connection = sea_orm::ConnectOptions::new(&place.url);
        one_connection.max_connections(1);
        let db = sea_orm::Database::connect(one_connection).await.unwrap();
        let other = PgPool::connect(&place.url).await.unwrap();
        // Its first CREATE SCHEMA reads the catalog, which would bring the cache up to date.
        sqlx::query("CREATE SCHEMA warm").execute(db.get_postgres_connection_pool()).await.unwrap();
        let mut txn = other.begin().await.unwrap();
        lock(&mut txn).await.unwrap();
        let another = async {
            eventually("a session that waits for the lock", || async {
                let waiting = "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database \
                               WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()";
                let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&other).await.unwrap();
                if waiting > 0 { Ok(()) } else { Err("none".to_owned()) }
            })
            .await;
            sqlx::query("CREATE SCHEMA apalis").execute(&mut *txn).await.unwrap();
            txn.commit().await.unwrap();
        };
        futures::join!(make(&db), another).0.unwrap();
        assert!(is_complete(&mut other.acquire().await.unwrap()).await.unwrap());
    }
}
