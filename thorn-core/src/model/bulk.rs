//! The statements on many rows as functions that return the rows, on every database.

use std::panic::Location;

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, IntoActiveModel, Iterable, QueryFilter,
    sea_query::IntoCondition,
};

use super::{
    statement::{DeleteMany, InsertMany, UpdateMany},
    transaction::atomically,
    webhook_model::WebhookModel,
};
use crate::db::MAX_BOUND_VALUES;

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
#[track_caller]
pub fn insert_many<A, C>(
    rows: impl IntoIterator<Item = A>,
    db: &C,
) -> impl Future<Output = Result<Vec<<A::Entity as EntityTrait>::Model>, DbErr>>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    <A::Entity as EntityTrait>::Model: IntoActiveModel<A>,
    C: ConnectionTrait,
{
    let (rows, caller): (Vec<A>, _) = (rows.into_iter().collect(), Location::caller());
    async move { atomically!(A::Entity, db, caller, |on| insert_on(rows, on)) }
}

async fn insert_on<A, C>(rows: Vec<A>, db: &C) -> Result<Vec<<A::Entity as EntityTrait>::Model>, DbErr>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
    C: ConnectionTrait,
{
    let mut inserted = Vec::with_capacity(rows.len());
    let columns = <A::Entity as EntityTrait>::Column::iter().count().max(1);
    let mut rows = rows.into_iter().peekable();
    while rows.peek().is_some() {
        let batch = rows.by_ref().take(MAX_BOUND_VALUES / columns);
        inserted.extend(InsertMany::<A>::many(batch).rows(db).await?);
    }
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
#[track_caller]
pub fn update_many<E, C>(
    matching: impl IntoCondition,
    set: impl FnOnce(sea_orm::UpdateMany<E>) -> sea_orm::UpdateMany<E>,
    db: &C,
) -> impl Future<Output = Result<Vec<E::Model>, DbErr>>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    UpdateMany::<E>::new().with(set).filter(matching).rows_from(db, Location::caller())
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
#[track_caller]
pub fn delete_many<E, C>(matching: impl IntoCondition, db: &C) -> impl Future<Output = Result<Vec<E::Model>, DbErr>>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    DeleteMany::<E>::new().filter(matching).rows_from(db, Location::caller())
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests;
