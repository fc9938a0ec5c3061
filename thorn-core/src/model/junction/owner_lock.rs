//! Locks the rows that get links, on databases without RETURNING.
//!
//! There an INSERT doesn't say which links are new, so they are looked for beforehand. Nothing locks a link
//! that doesn't exist yet. The lock on a row that it will belong to keeps other transactions from inserting
//! the same link meanwhile.

use std::collections::HashSet;

use sea_orm::{ConnectionTrait, DbErr, EntityName, EntityTrait, QueryFilter, QuerySelect};

use super::keys::{MAX_KEYS, among, canonical, key_in};
use crate::model::{joins::Joins, link_rows::LinkValues, webhook_model::WebhookModel};

/// Locks the owners of links that are about to be inserted, until the transaction ends. Does nothing if the
/// database has RETURNING.
pub(in crate::model) async fn lock_owners_of<J, C>(links: impl FnOnce() -> Vec<LinkValues>, db: &C) -> Result<(), DbErr>
where
    J: WebhookModel,
    C: ConnectionTrait,
{
    if db.support_returning() {
        return Ok(());
    }
    let links = links();
    if links.is_empty() {
        return Ok(());
    }
    J::lock_link_owners(&links, db).await
}

/// Locks the rows of `A` that these links will belong to, if `A` is the side to lock.
///
/// That is the side with the table whose name comes first, so that callers from both sides lock the same rows.
///
/// # Errors
///
/// The database's.
pub async fn lock_link_owners<J, A, C>(links: &[LinkValues], db: &C) -> Result<(), DbErr>
where
    J: Joins<A>,
    A: EntityTrait,
    C: ConnectionTrait,
{
    if A::default().table_name() > J::Other::default().table_name() {
        return Ok(());
    }
    let to_one = J::to_one();
    let mut seen = HashSet::new();
    let keys = links.iter().filter_map(|link| key_in(link, &to_one.from_col));
    let mut keys: Vec<_> = keys.filter(|key| seen.insert(canonical(key))).collect();
    // Every transaction locks in the same order, so that fewer of them wait for each other.
    keys.sort_by_cached_key(canonical);
    for keys in keys.chunks(MAX_KEYS) {
        A::find().filter(among::<A>(&to_one.to_col, keys)?).lock_exclusive().all(db).await?;
    }
    Ok(())
}
