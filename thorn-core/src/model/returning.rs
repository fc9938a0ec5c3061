//! Bulk statements that return the rows they changed, on databases with and without RETURNING.
//!
//! Without RETURNING, the matching rows are read and locked first. The statement then names them by their
//! keys, so that it never changes a row that wasn't read.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelBehavior, ConnectionTrait, DbErr, EntityTrait, IdenStatic, IntoActiveModel, Iterable, ModelTrait,
    PrimaryKeyToColumn, QueryFilter, QuerySelect, QueryTrait, UpdateMany,
    sea_query::{Condition, OnConflict, ValueTuple},
};

use super::{
    junction::{MAX_KEYS, among},
    row_lock,
};
use crate::db::{MAX_BOUND_VALUES, is_unique_violation};

/// An INSERT's way with a row that a unique index refuses.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Conflict {
    /// The whole statement fails.
    Fails,
    /// The row is left out.
    Skips,
}

/// The rows of an entity before and after an UPDATE.
pub(super) struct Updated<M> {
    /// By primary key; empty if nobody asked for them and the database has RETURNING.
    pub(super) old: HashMap<ValueTuple, M>,
    pub(super) new: Vec<M>,
}

/// Inserts rows and returns those that it inserted.
pub(super) async fn insert_rows<A, C>(
    rows: Vec<A>,
    conflict: Conflict,
    db: &C,
) -> Result<Vec<<A::Entity as EntityTrait>::Model>, DbErr>
where
    A: ActiveModelBehavior + Send,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    C: ConnectionTrait,
{
    let skips = conflict == Conflict::Skips;
    let mut inserted = Vec::with_capacity(rows.len());
    if db.support_returning() {
        let columns = <A::Entity as EntityTrait>::Column::iter().count().max(1);
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let batch: Vec<A> = rows.by_ref().take(MAX_BOUND_VALUES / columns).collect();
            let mut insert = A::Entity::insert_many(batch);
            if skips {
                insert = insert.on_conflict(OnConflict::new().do_nothing().to_owned());
            }
            inserted.extend(insert.exec_with_returning(db).await?);
        }
    } else {
        for row in rows {
            match A::Entity::insert(row).exec_with_returning(db).await {
                Ok(row) => inserted.push(row),
                // A failed statement doesn't end the transaction on such a database. Its INSERT IGNORE would
                // hide every other error as well.
                Err(error) if skips && is_unique_violation(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(inserted)
}

/// Updates the matching rows. `needs_old` says whether the caller needs them as they were.
pub(super) async fn update_rows<E, C>(
    matching: Condition,
    update: UpdateMany<E>,
    needs_old: bool,
    db: &C,
) -> Result<Updated<E::Model>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let returning = db.support_returning();
    let old = if needs_old || !returning {
        by_key(row_lock::read_all(E::find().filter(matching.clone()), db).await?)
    } else {
        HashMap::new()
    };
    if returning {
        return Ok(Updated { old, new: update.exec_with_returning(db).await? });
    }
    let old_keys: Vec<_> = old.keys().cloned().collect();
    let new_keys = new_keys(&matching, &update, &old_keys, db).await?;
    for keys in old_keys.chunks(MAX_KEYS) {
        update.clone().filter(among::<E>(&E::primary_key_identity(), keys)?).exec(db).await?;
    }
    Ok(Updated { old, new: find_again::<E, C>(&new_keys, db).await? })
}

/// Deletes the matching rows and returns them.
pub(super) async fn delete_rows<E, C>(matching: Condition, db: &C) -> Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    if db.support_returning() {
        return E::delete_many().filter(matching).exec_with_returning(db).await;
    }
    let rows = row_lock::read_all(E::find().filter(matching), db).await?;
    let keys: Vec<_> = rows.iter().map(ModelTrait::get_primary_key_value).collect();
    for keys in keys.chunks(MAX_KEYS) {
        E::delete_many().filter(among::<E>(&E::primary_key_identity(), keys)?).exec(db).await?;
    }
    Ok(rows)
}

fn by_key<M: ModelTrait>(rows: Vec<M>) -> HashMap<ValueTuple, M> {
    rows.into_iter().map(|row| (row.get_primary_key_value(), row)).collect()
}

/// The primary keys that the rows will have after an update: the old ones, unless the update sets them.
async fn new_keys<E, C>(
    matching: &Condition,
    update: &UpdateMany<E>,
    old_keys: &[ValueTuple],
    db: &C,
) -> Result<Vec<ValueTuple>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let set = |column: E::Column| {
        let mut set = update.as_query().get_values().iter();
        set.find(|(name, _)| *name.inner() == *column.as_str()).map(|(_, value)| value.as_ref().clone())
    };
    if !E::PrimaryKey::iter().any(|key| set(key.into_column()).is_some()) {
        return Ok(old_keys.to_vec());
    }
    let select = E::Column::iter().fold(E::find().select_only(), |select, column| match set(column) {
        Some(value) => select.column_as(value, column.as_str()),
        None => select.column(column),
    });
    let rows = row_lock::read_all(select.filter(matching.clone()), db).await?;
    Ok(rows.iter().map(ModelTrait::get_primary_key_value).collect())
}

/// Reads the rows with these primary keys after an update. The read locks them, because a transaction of MySQL
/// that has read before would otherwise see them as they were then.
async fn find_again<E, C>(keys: &[ValueTuple], db: &C) -> Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let mut rows = Vec::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        let these = among::<E>(&E::primary_key_identity(), keys)?;
        rows.extend(row_lock::read_all(E::find().filter(these), db).await?);
    }
    Ok(rows)
}
