//! Bulk statements that announce what they did, with one INSERT for all events (or for each 512).
//!
//! SeaORM's own run no hooks. Nor do these: events are all they add. They run in the caller's
//! transaction or in one of their own.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelBehavior, ConnectionTrait, DbErr, EntityTrait, IdenStatic, IntoActiveModel, Iterable, ModelTrait,
    PrimaryKeyToColumn, QueryFilter, QuerySelect, QueryTrait, TransactionTrait, UpdateMany,
    sea_query::{Condition, IntoCondition, OnConflict, ValueTuple},
};

use super::{
    change::{Change, Op},
    junction::{AT_ONCE, LinkRows, among, columns_of, lock_links},
    row_lock as locked,
    suppress::is_suppressed,
    transaction::atomically,
    webhook_model::{WebhookModel, events, reads_old},
};
use crate::{
    db::{MAX_BOUND_VALUES, is_unique_violation},
    outbox,
};

/// Inserts these rows and fires their `on_create`s.
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered; then no row is inserted.
///
/// # Examples
///
/// ```
/// use sea_orm::{ActiveModelBehavior, DatabaseConnection, DbErr, EntityTrait, IntoActiveModel};
/// use thorn_core::model::{WebhookModel, insert_many};
///
/// async fn import<A>(rows: Vec<A>, db: &DatabaseConnection) -> Result<usize, DbErr>
/// where
///     A: ActiveModelBehavior + Send,
///     A::Entity: WebhookModel,
///     <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
/// {
///     Ok(insert_many(rows, db).await?.len())
/// }
/// ```
pub async fn insert_many<A, C>(
    rows: impl IntoIterator<Item = A>,
    db: &C,
) -> Result<Vec<<A::Entity as EntityTrait>::Model>, DbErr>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    C: ConnectionTrait + TransactionTrait,
{
    let rows = rows.into_iter().collect();
    atomically!(db, |on| insert_on(rows, on))
}

async fn insert_on<A, C>(rows: Vec<A>, db: &C) -> Result<Vec<<A::Entity as EntityTrait>::Model>, DbErr>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    C: ConnectionTrait,
{
    if A::Entity::JUNCTION {
        lock_links::<A::Entity, C>(|| rows.iter().map(columns_of).collect(), db).await?;
    }
    let inserted = insert_rows(rows, false, db).await?;
    announce::<A::Entity, C>(Op::Create, &HashMap::new(), &inserted, db).await?;
    Ok(inserted)
}

/// Inserts rows and returns those that it inserted; with `skip`, rows are left out of which something
/// unique is there already.
pub(super) async fn insert_rows<A, C>(
    rows: Vec<A>,
    skip: bool,
    db: &C,
) -> Result<Vec<<A::Entity as EntityTrait>::Model>, DbErr>
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
            let mut insert = A::Entity::insert_many(batch);
            if skip {
                insert = insert.on_conflict(OnConflict::new().do_nothing().to_owned());
            }
            inserted.extend(insert.exec_with_returning(db).await?);
        }
    } else {
        for row in rows {
            match A::Entity::insert(row).exec_with_returning(db).await {
                Ok(row) => inserted.push(row),
                // Such a database goes on with the transaction after a statement that failed. Its
                // INSERT IGNORE would hide every other error as well.
                Err(error) if skip && is_unique_violation(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(inserted)
}

/// Updates the rows that match and fires their `on_change`s and custom events; returns the rows as
/// they are now.
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered; then no row is updated.
///
/// # Examples
///
/// ```
/// use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, sea_query::Expr};
/// use thorn_core::model::{WebhookModel, update_many};
///
/// /// Sets a column that is null.
/// async fn fill<E: WebhookModel>(column: E::Column, value: &str, db: &DatabaseConnection) -> Result<usize, DbErr> {
///     let rows = update_many::<E, _>(column.is_null(), |update| update.col_expr(column, Expr::value(value)), db);
///     Ok(rows.await?.len())
/// }
/// ```
pub async fn update_many<E, C>(
    matching: impl IntoCondition,
    set: impl FnOnce(UpdateMany<E>) -> UpdateMany<E>,
    db: &C,
) -> Result<Vec<E::Model>, DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait + TransactionTrait,
{
    let matching = matching.into_condition();
    let update = set(E::update_many()).filter(matching.clone());
    atomically!(db, |on| update_on(matching, update, on))
}

async fn update_on<E, C>(matching: Condition, update: UpdateMany<E>, db: &C) -> Result<Vec<E::Model>, DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    let returning = db.support_returning();
    let old = if !returning || (reads_old::<E>() && !is_suppressed()) {
        by_key(locked::rows(E::find().filter(matching.clone()), db).await?)
    } else {
        HashMap::new()
    };
    let new = if returning {
        update.exec_with_returning(db).await?
    } else {
        let before: Vec<_> = old.keys().cloned().collect();
        let keys = new_keys(&matching, &update, before.iter().cloned(), db).await?;
        // No others than those that are locked: rows that match by now would change unannounced.
        for before in before.chunks(AT_ONCE) {
            update.clone().filter(among::<E>(&E::primary_key_identity(), before)?).exec(db).await?;
        }
        find_again::<E, C>(&keys, db).await?
    };
    announce::<E, C>(Op::Change, &old, &new, db).await?;
    Ok(new)
}

/// Deletes the rows that match and fires their `on_delete`s; returns the rows that are gone.
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered; then no row is deleted.
///
/// # Examples
///
/// ```
/// use sea_orm::{ColumnTrait, DatabaseConnection, DbErr};
/// use thorn_core::model::{WebhookModel, delete_many};
///
/// async fn purge<E: WebhookModel>(expired: E::Column, now: i64, db: &DatabaseConnection) -> Result<usize, DbErr> {
///     Ok(delete_many::<E, _>(expired.lt(now), db).await?.len())
/// }
/// ```
pub async fn delete_many<E, C>(matching: impl IntoCondition, db: &C) -> Result<Vec<E::Model>, DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait + TransactionTrait,
{
    let matching = matching.into_condition();
    atomically!(db, |on| delete_on::<E, _>(matching, on))
}

async fn delete_on<E, C>(matching: Condition, db: &C) -> Result<Vec<E::Model>, DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    let gone = delete_rows::<E, C>(matching, db).await?;
    announce::<E, C>(Op::Delete, &HashMap::new(), &gone, db).await?;
    Ok(gone)
}

/// Deletes rows and returns those that it deleted.
pub(super) async fn delete_rows<E, C>(matching: Condition, db: &C) -> Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    if db.support_returning() {
        return E::delete_many().filter(matching).exec_with_returning(db).await;
    }
    let rows = locked::rows(E::find().filter(matching), db).await?;
    // No others than those that are locked: rows that match by now would go unannounced.
    let keys: Vec<_> = rows.iter().map(ModelTrait::get_primary_key_value).collect();
    for keys in keys.chunks(AT_ONCE) {
        E::delete_many().filter(among::<E>(&E::primary_key_identity(), keys)?).exec(db).await?;
    }
    Ok(rows)
}

fn by_key<M: ModelTrait>(rows: Vec<M>) -> HashMap<ValueTuple, M> {
    rows.into_iter().map(|row| (row.get_primary_key_value(), row)).collect()
}

/// The primary keys that rows will have after an update, for a database without RETURNING: those
/// they have, unless it is these that it sets.
async fn new_keys<E, C>(
    matching: &Condition,
    update: &UpdateMany<E>,
    keys: impl Iterator<Item = ValueTuple>,
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
        return Ok(keys.collect());
    }
    let select = E::Column::iter().fold(E::find().select_only(), |select, column| match set(column) {
        Some(value) => select.column_as(value, column.as_str()),
        None => select.column(column),
    });
    let rows = locked::rows(select.filter(matching.clone()), db).await?;
    Ok(rows.iter().map(ModelTrait::get_primary_key_value).collect())
}

/// The rows with these primary keys, for a database without RETURNING; locked, since a transaction
/// of MySQL that has read before would otherwise show them as they were then.
async fn find_again<E, C>(keys: &[ValueTuple], db: &C) -> Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let mut rows = Vec::with_capacity(keys.len());
    for keys in keys.chunks(AT_ONCE) {
        let these = among::<E>(&E::primary_key_identity(), keys)?;
        rows.extend(locked::rows(E::find().filter(these), db).await?);
    }
    Ok(rows)
}

async fn announce<E, C>(op: Op, old: &HashMap<ValueTuple, E::Model>, new: &[E::Model], db: &C) -> Result<(), DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    if is_suppressed() {
        return Ok(());
    }
    announce_rows::<E, C>(op, old, new, db).await?;
    if !E::JUNCTION {
        return Ok(());
    }
    let old: Vec<_> = old.values().cloned().collect();
    let links = if op == Op::Delete { LinkRows::new(new, &[]) } else { LinkRows::new(&old, new) };
    E::announce_links(links, db).await
}

/// Writes the events of these rows.
pub(super) async fn announce_rows<E, C>(
    op: Op,
    old: &HashMap<ValueTuple, E::Model>,
    new: &[E::Model],
    db: &C,
) -> Result<(), DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    let mut all = Vec::new();
    for row in new {
        let old = if op == Op::Change { old.get(&row.get_primary_key_value()) } else { None };
        all.extend(events::<E>(Change { op, old, new: row })?);
    }
    Ok(outbox::write(db, all).await?)
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
pub(super) mod tests;
