//! Bodies of the generated methods, which save a row and its events in one transaction.
//!
//! The methods are inherent, so they take precedence over SeaORM's `insert`, `update`, `save` and `delete`.

use std::panic::Location;

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ConnectionTrait, DbErr, DeleteResult, EntityTrait, IntoActiveModel,
    TransactionSession, UpdateResult,
};

use super::{
    change::Op,
    deletion_race,
    statement::UpdateOne,
    webhook_model::{WebhookModel, has_events},
};
use crate::error::Error;

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;

/// Runs an operation on rows of `$entity` in the caller's transaction, or in a new one if `$db` is a pool.
///
/// Thorn can't begin a transaction on a connection type that isn't SeaORM's. The policy for such calls decides.
macro_rules! atomically {
    ($entity:ty, $db:expr, $caller:expr, |$on:ident| $operation:expr) => {
        match $crate::db::Concrete::of($db) {
            $crate::db::Concrete::Transaction($on) => $crate::model::before_image::scope($operation).await,
            $crate::db::Concrete::Pool(pool) => {
                $crate::process::after_commit(async move {
                    let transaction = $crate::db::transaction::begin(pool).await?;
                    let result = {
                        let $on = &transaction;
                        $crate::model::before_image::scope($operation).await
                    };
                    $crate::model::transaction::end(transaction, result).await
                })
                .await
            }
            $crate::db::Concrete::Foreign => {
                $crate::model::autocommit::check_foreign::<$entity, C>($caller)?;
                let $on = $db;
                $crate::model::before_image::scope($operation).await
            }
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
#[track_caller]
pub fn insert<A, C>(active_model: A, db: &C) -> impl Future<Output = Result<Row<A>, DbErr>>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    Row<A>: IntoActiveModel<A>,
    C: ConnectionTrait,
{
    insert_from(active_model, db, Location::caller())
}

async fn insert_from<A, C>(active_model: A, db: &C, caller: &Location<'_>) -> Result<Row<A>, DbErr>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    Row<A>: IntoActiveModel<A>,
    C: ConnectionTrait,
{
    if !has_events::<A::Entity>(Op::Create) {
        return ActiveModelTrait::insert(active_model, db).await;
    }
    atomically!(A::Entity, db, caller, |on| ActiveModelTrait::insert(active_model, on))
}

/// As [`ActiveModelTrait::update`].
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered. In both cases the row isn't updated.
#[track_caller]
pub fn update<A, C>(active_model: A, db: &C) -> impl Future<Output = Result<Row<A>, DbErr>>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    Row<A>: IntoActiveModel<A>,
    C: ConnectionTrait,
{
    update_from(active_model, db, Location::caller())
}

async fn update_from<A, C>(active_model: A, db: &C, caller: &Location<'_>) -> Result<Row<A>, DbErr>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    Row<A>: IntoActiveModel<A>,
    C: ConnectionTrait,
{
    if !has_events::<A::Entity>(Op::Change) {
        return ActiveModelTrait::update(active_model, db).await;
    }
    atomically!(A::Entity, db, caller, |on| ActiveModelTrait::update(active_model, on))
}

/// As [`ActiveModelTrait::update_without_returning`]: of the entity's own hooks, it runs only the one before.
///
/// # Errors
///
/// As [`update`].
#[track_caller]
pub fn update_without_returning<A, C>(active_model: A, db: &C) -> impl Future<Output = Result<UpdateResult, DbErr>>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    C: ConnectionTrait,
{
    let caller = Location::caller();
    async move {
        if !has_events::<A::Entity>(Op::Change) {
            return ActiveModelTrait::update_without_returning(active_model, db).await;
        }
        atomically!(A::Entity, db, caller, |on| async move {
            let active_model = ActiveModelBehavior::before_save(active_model, on, false).await?;
            UpdateOne::one(active_model).validate()?.run_without_returning(on).await
        })
    }
}

/// As [`ActiveModelTrait::save`].
///
/// # Errors
///
/// As [`insert`] and [`update`].
#[track_caller]
pub fn save<A, C>(active_model: A, db: &C) -> impl Future<Output = Result<A, DbErr>>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    Row<A>: IntoActiveModel<A>,
    C: ConnectionTrait,
{
    let caller = Location::caller();
    async move {
        let row = if active_model.is_update() {
            update_from(active_model, db, caller).await?
        } else {
            insert_from(active_model, db, caller).await?
        };
        Ok(row.into_active_model())
    }
}

/// As [`ActiveModelTrait::delete`].
///
/// # Errors
///
/// The database's, or that of an event that can't be rendered. In both cases the row isn't deleted.
#[track_caller]
pub fn delete<A, C>(active_model: A, db: &C) -> impl Future<Output = Result<DeleteResult, DbErr>>
where
    A: ActiveModelBehavior + Send,
    A::Entity: WebhookModel,
    C: ConnectionTrait,
{
    let caller = Location::caller();
    async move {
        if !has_events::<A::Entity>(Op::Delete) {
            return ActiveModelTrait::delete(active_model, db).await;
        }
        atomically!(A::Entity, db, caller, |on| async move {
            if A::Entity::JUNCTION && deletion_race::is_missing(&active_model, on).await? {
                return Ok(DeleteResult::empty());
            }
            ActiveModelTrait::delete(active_model, on).await
        })
    }
}
