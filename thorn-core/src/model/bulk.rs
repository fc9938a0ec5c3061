//! Bulk statements that announce what they changed, with one INSERT for all events (or one for each 512).
//!
//! SeaORM runs no hooks for bulk statements, and neither do these: they add nothing but events. They run in the
//! caller's transaction or in one of their own.

use std::collections::HashMap;

use sea_orm::{
    ActiveModelBehavior, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, QueryFilter, TransactionTrait,
    UpdateMany,
    sea_query::{Condition, IntoCondition, ValueTuple},
};

use super::{
    announce::announce_rows,
    change::Op,
    junction::{lock_owners_of, values_of},
    link_rows::LinkRows,
    returning::{Conflict, delete_rows, insert_rows, update_rows},
    suppress::is_suppressed,
    transaction::atomically,
    webhook_model::{WebhookModel, needs_old_row},
};

/// Inserts these rows and writes their `on_create` events. Returns the inserted rows.
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered. In both cases no row is inserted.
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
        lock_owners_of::<A::Entity, C>(|| rows.iter().map(values_of).collect(), db).await?;
    }
    let inserted = insert_rows(rows, Conflict::Fails, db).await?;
    announce::<A::Entity, C>(Op::Create, &HashMap::new(), &inserted, db).await?;
    Ok(inserted)
}

/// Updates the matching rows and writes the events that fire on changes. Returns the rows as they are now.
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered. In both cases no row is updated.
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
    let needs_old = needs_old_row::<E>() && !is_suppressed();
    let updated = update_rows(matching, update, needs_old, db).await?;
    announce::<E, C>(Op::Change, &updated.old, &updated.new, db).await?;
    Ok(updated.new)
}

/// Deletes the matching rows and writes their `on_delete` events. Returns the deleted rows.
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered. In both cases no row is deleted.
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
    let deleted = delete_rows::<E, C>(matching, db).await?;
    announce::<E, C>(Op::Delete, &HashMap::new(), &deleted, db).await?;
    Ok(deleted)
}

/// Writes the events of the rows, and those about links if they are rows of a junction.
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

#[cfg(test)]
#[cfg(feature = "sqlite")]
pub(super) mod tests;
