//! Bodies of the generated methods, which save a row and its events in one transaction.
//!
//! The methods are inherent, so they take precedence over SeaORM's `insert`, `update`, `save` and `delete`.

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ConnectionTrait, DbErr, DeleteResult, EntityTrait, IntoActiveModel,
    TransactionSession, TransactionTrait, UpdateResult,
};

use super::{
    change::Op,
    deletion_race,
    webhook_model::{WebhookModel, has_events},
};
use crate::error::Error;

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;

/// Runs an operation in the caller's transaction, or in a new one if `$db` isn't a transaction.
macro_rules! atomically {
    ($db:expr, |$on:ident| $operation:expr) => {
        if $crate::model::autocommit::in_transaction::<C>() {
            let $on = $db;
            $crate::model::before_image::scope($operation).await
        } else {
            $crate::process::after_commit(async move {
                let transaction = $crate::db::transaction::begin($db).await?;
                let result = {
                    let $on = &transaction;
                    $crate::model::before_image::scope($operation).await
                };
                $crate::model::transaction::end(transaction, result).await
            })
            .await
        }
    };
}

pub(super) use atomically;

/// Commits a transaction that succeeded and wakes the relay, or rolls back one that failed.
pub(crate) async fn end<T, R, E>(transaction: T, result: Result<R, E>) -> Result<R, E>
where
    T: TransactionSession,
    E: From<Error>,
{
    match result {
        Ok(value) => {
            transaction.commit().await.map_err(Error::from)?;
            crate::process::notify();
            Ok(value)
        }
        Err(error) => {
            if let Err(rollback) = transaction.rollback().await {
                tracing::warn!(error = %rollback, "a failed operation couldn't be rolled back; the connection is dropped");
            }
            Err(error)
        }
    }
}

/// As [`ActiveModelTrait::insert`].
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered. In both cases the row isn't inserted.
pub async fn insert<A, C>(active_model: A, db: &C) -> Result<Row<A>, DbErr>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    Row<A>: IntoActiveModel<A>,
    C: ConnectionTrait + TransactionTrait,
{
    if !has_events::<A::Entity>(Op::Create) {
        return ActiveModelTrait::insert(active_model, db).await;
    }
    atomically!(db, |on| ActiveModelTrait::insert(active_model, on))
}

/// As [`ActiveModelTrait::update`].
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered. In both cases the row isn't updated.
pub async fn update<A, C>(active_model: A, db: &C) -> Result<Row<A>, DbErr>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    Row<A>: IntoActiveModel<A>,
    C: ConnectionTrait + TransactionTrait,
{
    if !has_events::<A::Entity>(Op::Change) {
        return ActiveModelTrait::update(active_model, db).await;
    }
    atomically!(db, |on| ActiveModelTrait::update(active_model, on))
}

/// As [`ActiveModelTrait::update_without_returning`].
///
/// SeaORM runs no hook after that statement, so a model that announces changes is updated with [`update`]
/// instead.
///
/// # Errors
///
/// As [`update`].
pub async fn update_without_returning<A, C>(active_model: A, db: &C) -> Result<UpdateResult, DbErr>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    Row<A>: IntoActiveModel<A>,
    C: ConnectionTrait + TransactionTrait,
{
    if !has_events::<A::Entity>(Op::Change) {
        return ActiveModelTrait::update_without_returning(active_model, db).await;
    }
    update(active_model, db).await?;
    let mut result = UpdateResult::default();
    result.rows_affected = 1;
    Ok(result)
}

/// As [`ActiveModelTrait::save`].
///
/// # Errors
///
/// As [`insert`] and [`update`].
pub async fn save<A, C>(active_model: A, db: &C) -> Result<A, DbErr>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    Row<A>: IntoActiveModel<A>,
    C: ConnectionTrait + TransactionTrait,
{
    let row = if active_model.is_update() { update(active_model, db).await? } else { insert(active_model, db).await? };
    Ok(row.into_active_model())
}

/// As [`ActiveModelTrait::delete`].
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered. In both cases the row isn't deleted.
pub async fn delete<A, C>(active_model: A, db: &C) -> Result<DeleteResult, DbErr>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    C: ConnectionTrait + TransactionTrait,
{
    if !has_events::<A::Entity>(Op::Delete) {
        return ActiveModelTrait::delete(active_model, db).await;
    }
    atomically!(db, |on| async move {
        if A::Entity::JUNCTION && deletion_race::is_missing(&active_model, on).await? {
            return Ok(DeleteResult::empty());
        }
        ActiveModelTrait::delete(active_model, on).await
    })
}
