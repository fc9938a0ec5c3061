//! Creates and drops the triggers.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, QueryFilter, Statement,
};

use super::{
    Watch,
    definition::{Definition, Mode, Watched, noted},
};
use crate::{
    error::Error,
    id::EventId,
    migration::exclusively,
    process,
    row_change::{create, delete_notes_of, drop, now, trigger_names},
    tables::row_change::watch::{ActiveModel, Column, Entity, Model},
};

/// The work that [`install`] and [`remove`] do, for an error.
const CHANGE: &str = "the change of the triggers";

/// Puts triggers on the tables of these models. Where they are in place already, it changes nothing.
///
/// Models that were installed before stay watched. [`remove`] ends that. A model that is watched with
/// [`Watch::collect`] stays so until then.
///
/// The triggers refer to the table's columns: with `report` to those of the primary key, with `announce` to all of
/// them. Remove them before a migration drops or renames such a column, and install them again afterwards.
///
/// The database user needs the right to create triggers on the tables. On PostgreSQL this is `TRIGGER` on the table
/// and `CREATE` on the schema of thorn's tables; on MySQL and MariaDB `TRIGGER` on the table, and with a binary log
/// on MySQL also `log_bin_trust_function_creators = 1`. To create the triggers, PostgreSQL waits until no open
/// transaction has written to the table.
///
/// # Errors
///
/// [`Error::Option`] if a model announces no changes, or if it can't be watched on this database.
///
/// [`Error::Database`] with the table, for instance if rights are missing. On MySQL, tables before this one are then
/// watched; on other databases nothing has changed.
///
/// # Examples
///
/// ```
/// use sea_orm::DatabaseConnection;
/// use thorn_core::{Error, model::WebhookModel, watch::{self, Watch}};
///
/// async fn watch_articles<Article: WebhookModel>(db: &DatabaseConnection) -> Result<(), Error> {
///     watch::install(db, Watch::announce().model::<Article>()).await
/// }
/// ```
pub async fn install(db: &DatabaseConnection, watch: Watch) -> Result<(), Error> {
    for definition in &watch.definitions {
        check(db.get_database_backend(), definition)?;
    }
    exclusively(db, CHANGE, |txn| Box::pin(install_all(txn, watch))).await
}

/// Drops all triggers, and forgets the changes that they noted. Without triggers, it does nothing.
///
/// Other processes notice within half a minute. Until then their saves look for notes in vain.
///
/// # Errors
///
/// [`Error::Database`], for instance if rights are missing.
pub async fn remove(db: &DatabaseConnection) -> Result<(), Error> {
    let removed = exclusively(db, CHANGE, |txn| Box::pin(remove_all(txn))).await?;
    removed.iter().for_each(|installation| process::forget_installation(installation));
    Ok(())
}

fn check(backend: DbBackend, definition: &Definition) -> Result<(), Error> {
    let table = &definition.table;
    if table.operations.is_empty() {
        let reason =
            format!("the model of table `{}` announces no changes, so there is nothing to watch", table.label());
        return Err(Error::option("watch", reason));
    }
    if backend == DbBackend::Sqlite && table.schema.as_ref().is_some_and(|schema| schema != "main") {
        let reason = format!(
            "table `{}` is in an attached file, and a trigger of SQLite can't write into thorn's table in another file",
            table.label()
        );
        return Err(Error::option("watch", reason));
    }
    Ok(())
}

async fn install_all(txn: &DatabaseTransaction, watch: Watch) -> Result<(), Error> {
    let home = home(txn).await?;
    for definition in &watch.definitions {
        install_one(txn, &home, &watch, definition).await?;
    }
    Ok(())
}

/// Returns the removed installations.
async fn remove_all(txn: &DatabaseTransaction) -> Result<Vec<String>, Error> {
    let home = home(txn).await?;
    let mut removed = Vec::new();
    for row in Entity::find().all(txn).await? {
        if let Some(Watched { definition, .. }) = Watched::of(&row) {
            drop_triggers(txn, &definition, &home).await?;
        }
        forget(txn, &row.table_name).await?;
        delete_notes_of(txn, &row.table_name).await?;
        removed.push(row.installation);
    }
    Ok(removed)
}

async fn drop_triggers(txn: &DatabaseTransaction, definition: &Definition, home: &str) -> Result<(), Error> {
    for sql in drop(txn.get_database_backend(), &definition.table, home) {
        txn.execute_unprepared(&sql).await.map_err(|error| cant("drop", &definition.table.label(), &error))?;
    }
    Ok(())
}

async fn install_one(
    txn: &DatabaseTransaction,
    home: &str,
    watch: &Watch,
    definition: &Definition,
) -> Result<(), Error> {
    let (backend, label) = (txn.get_database_backend(), definition.table.label());
    let before = Entity::find_by_id(&*label).one(txn).await?;
    let collected = before.as_ref().is_some_and(|row| row.mode == Mode::Collect.as_str());
    let mode = if collected { Mode::Collect } else { watch.mode };
    let stored = serde_json::to_string(definition).map_err(|error| DbErr::Json(error.to_string()))?;
    let is_same = |row: &Model| row.mode == mode.as_str() && row.definition == stored;
    let installation =
        before.as_ref().map_or_else(|| EventId::generate().to_string(), |before| before.installation.clone());
    // Known before the triggers exist: a hook that looks for a note in vain does no harm.
    process::add_installation(&installation, &noted([definition]));
    if before.as_ref().is_some_and(is_same) && has_triggers(txn, definition, home).await? {
        return Ok(());
    }
    drop_triggers(txn, definition, home).await?;
    for sql in create(backend, &definition.table, home, mode != Mode::Report) {
        txn.execute_unprepared(&sql).await.map_err(|error| cant("create", &label, &error))?;
    }
    let armed_at = match before {
        Some(row) => row.armed_at,
        None => moment(txn).await? + i64::try_from(watch.armed_after.as_millis()).unwrap_or(i64::MAX / 2),
    };
    forget(txn, &label).await?;
    let row = ActiveModel {
        table_name: Set(label.clone().into_owned()),
        installation: Set(installation),
        mode: Set(mode.as_str().to_owned()),
        definition: Set(stored),
        armed_at: Set(armed_at),
    };
    Entity::insert(row).exec_without_returning(txn).await?;
    tracing::info!(table = %label, mode = mode.as_str(), "the table is watched");
    Ok(())
}

/// Whether the table has all of its triggers. A migration that made the table anew has dropped them.
async fn has_triggers(txn: &DatabaseTransaction, definition: &Definition, home: &str) -> Result<bool, Error> {
    let backend = txn.get_database_backend();
    let names = trigger_names(backend, &definition.table);
    let list = names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let sql = match backend {
        DbBackend::Postgres => format!("SELECT COUNT(*) AS n FROM pg_trigger WHERE tgname IN ({list})"),
        DbBackend::MySql => {
            let schema = definition.table.schema.as_deref().unwrap_or(home).replace('\'', "''");
            format!(
                "SELECT COUNT(*) AS n FROM information_schema.triggers \
                 WHERE trigger_schema = '{schema}' AND trigger_name IN ({list})"
            )
        }
        _ => format!("SELECT COUNT(*) AS n FROM sqlite_master WHERE type = 'trigger' AND name IN ({list})"),
    };
    let row = txn.query_one_raw(Statement::from_string(backend, sql)).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.try_get("", "n"))?;
    Ok(usize::try_from(count).is_ok_and(|count| count >= names.len()))
}

/// The schema (on MySQL: the database) with thorn's tables.
async fn home(txn: &DatabaseTransaction) -> Result<String, Error> {
    let backend = txn.get_database_backend();
    let sql = match backend {
        DbBackend::Postgres => {
            "SELECT nspname::text AS home FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid \
             WHERE c.oid = to_regclass('thorn_row_change')"
        }
        DbBackend::MySql => "SELECT DATABASE() AS home",
        _ => return Ok(String::new()),
    };
    let row = txn.query_one_raw(Statement::from_string(backend, sql)).await?;
    let Some(row) = row else {
        let message = "table `thorn_row_change` is missing; call `thorn::migrate(&db)` once";
        return Err(DbErr::Custom(message.into()).into());
    };
    Ok(row.try_get("", "home")?)
}

/// The present moment, by the clock of the database.
async fn moment(txn: &DatabaseTransaction) -> Result<i64, Error> {
    let backend = txn.get_database_backend();
    let row = txn.query_one_raw(Statement::from_string(backend, format!("SELECT {} AS now", now(backend)))).await?;
    Ok(row.map_or(Ok(0), |row| row.try_get("", "now"))?)
}

async fn forget(txn: &DatabaseTransaction, label: &str) -> Result<(), Error> {
    Entity::delete_many().filter(Column::TableName.eq(label)).exec(txn).await?;
    Ok(())
}

fn cant(what: &str, label: &str, error: &DbErr) -> Error {
    Error::Database(DbErr::Custom(format!(
        "can't {what} the triggers that watch table `{label}`: {error}; `thorn::watch::install` lists the rights that the database user needs"
    )))
}
