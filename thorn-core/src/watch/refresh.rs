//! Keeps a `Thorn` up to date about the watched tables of its database.

use std::{sync::Weak, time::Duration};

use sea_orm::{ConnectionTrait, DatabaseConnection, EntityTrait};

use super::definition::{Watched, noted};
use crate::{error::Error, process::WatchedTables, tables::row_change::watch::Entity};

/// How often a `Thorn` asks what is watched.
const EVERY: Duration = Duration::from_secs(25);

/// Reads which tables are watched.
pub(crate) async fn refresh<C: ConnectionTrait>(db: &C, tables: &WatchedTables) -> Result<(), Error> {
    let rows = Entity::find().all(db).await?;
    let watched: Vec<_> = rows.iter().filter_map(Watched::of).collect();
    tables.set(noted(watched.iter().map(|watched| &watched.definition)));
    Ok(())
}

/// Refreshes again and again until `owner` is dropped. `parts` gives its database and its knowledge.
pub(crate) async fn keep_fresh<O: Send + Sync + 'static>(
    owner: Weak<O>,
    parts: fn(&O) -> (&DatabaseConnection, &WatchedTables),
) {
    loop {
        tokio::time::sleep(EVERY).await;
        let Some(owner) = owner.upgrade() else { return };
        let (db, tables) = parts(&owner);
        if let Err(error) = refresh(db, tables).await {
            tracing::debug!(%error, "can't ask which tables are watched");
        }
    }
}
