//! Statements about links that return the rows they changed, on databases with and without RETURNING.
//!
//! Without RETURNING, the matching rows are read and locked first. The statement then names them by their
//! keys, so that it never changes a row that wasn't read.

use sea_orm::{
    ActiveModelBehavior, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, Iterable, ModelTrait, QueryFilter,
    sea_query::{Condition, OnConflict},
};

use super::{
    junction::{MAX_KEYS, with_keys},
    row_lock,
};
use crate::db::{MAX_BOUND_VALUES, is_unique_violation};

/// Inserts rows, except those that a unique index refuses, and returns the inserted ones.
pub(super) async fn insert_missing<A, C>(rows: Vec<A>, db: &C) -> Result<Vec<<A::Entity as EntityTrait>::Model>, DbErr>
where
    A: ActiveModelBehavior + Send,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    C: ConnectionTrait,
{
    let mut inserted = Vec::with_capacity(rows.len());
    if db.support_returning() {
        let columns = <A::Entity as EntityTrait>::Column::iter().count().max(1);
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let batch: Vec<A> = rows.by_ref().take(MAX_BOUND_VALUES / columns).collect();
            let insert = A::Entity::insert_many(batch).on_conflict(OnConflict::new().do_nothing().to_owned());
            inserted.extend(insert.exec_with_returning(db).await?);
        }
    } else {
        for row in rows {
            match A::Entity::insert(row).exec_with_returning(db).await {
                Ok(row) => inserted.push(row),
                // A failed statement doesn't end the transaction on such a database. Its INSERT IGNORE would
                // hide every other error as well.
                Err(error) if is_unique_violation(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(inserted)
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
    delete_by_keys::<E, C>(&rows, db).await?;
    Ok(rows)
}

/// Deletes these rows by their primary keys. Returns how many were there.
pub(super) async fn delete_by_keys<E, C>(rows: &[E::Model], db: &C) -> Result<u64, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let keys: Vec<_> = rows.iter().map(ModelTrait::get_primary_key_value).collect();
    let mut deleted = 0;
    for keys in keys.chunks(MAX_KEYS) {
        deleted += E::delete_many().filter(with_keys::<E>(keys)).exec(db).await?.rows_affected;
    }
    Ok(deleted)
}
