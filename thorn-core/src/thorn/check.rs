//! Checks that need the database, or several parts of the builder.

use std::collections::HashSet;

use sea_orm::{DatabaseConnection, DbErr, EntityTrait, prelude::Uuid};

#[cfg(not(feature = "delivery"))]
use crate::dispatch::Dispatch;
use crate::{
    config::Config,
    error::Error,
    migration::missing,
    subscription::{ConfiguredSubscription, source_of},
    tables::{event, log, payload, row_change, subscription as entity},
};

/// Refuses to dispatch by machines that this build doesn't have.
#[cfg(not(feature = "delivery"))]
pub(super) fn check_dispatch(config: &Config) -> Result<(), Error> {
    match &config.dispatch {
        Dispatch::Queue | Dispatch::Disabled => Ok(()),
        other => Err(Error::option(
            "dispatch",
            format!("`{other}` needs thorn's feature `delivery`; switch it on in Cargo.toml, or dispatch by the queue"),
        )),
    }
}

/// Refuses two lists with one name: the second list would delete what the first one has added.
pub(super) fn check_sources(
    config: &Config,
    configured: &[(String, Vec<ConfiguredSubscription>)],
) -> Result<(), Error> {
    let mut seen: HashSet<String> = config.subscriptions_file.iter().map(|path| source_of(path)).collect();
    match configured.iter().find(|(source, _)| !seen.insert(source.clone())) {
        None => Ok(()),
        Some((source, _)) => Err(Error::option(
            "configured subscriptions",
            format!("there are two lists under the name `{source}`; join them, or rename one"),
        )),
    }
}

/// Refuses a database without thorn's tables, or with tables of an older release.
pub(super) async fn check_tables(db: &DatabaseConnection) -> Result<(), Error> {
    match entity::registry::Entity::find_by_id(1).one(db).await {
        Ok(Some(_)) => {}
        Ok(None) => return Err(missing("the row of table `thorn_registry` is missing")),
        Err(error) if db.ping().await.is_ok() => {
            return Err(missing(&format!("table `thorn_registry` is missing or of an older release: {error}")));
        }
        Err(error) => return Err(error.into()),
    }
    // No row has this id. The query names all columns, and a table of an older release lacks some.
    let id = Uuid::nil();
    check_columns("thorn_subscription", entity::Entity::find_by_id(id).one(db).await, db).await?;
    check_columns("thorn_event", event::Entity::find_by_id(id).one(db).await, db).await?;
    check_columns("thorn_payload", payload::Entity::find_by_id(id).one(db).await, db).await?;
    check_columns("thorn_log", log::Entity::find_by_id(0).one(db).await, db).await?;
    check_columns("thorn_row_change", row_change::Entity::find_by_id(0).one(db).await, db).await
}

async fn check_columns<T>(table: &str, read: Result<T, DbErr>, db: &DatabaseConnection) -> Result<(), Error> {
    match read {
        Ok(_) => Ok(()),
        Err(error) if db.ping().await.is_ok() => {
            Err(missing(&format!("table `{table}` is of an older release: {error}")))
        }
        Err(error) => Err(error.into()),
    }
}
