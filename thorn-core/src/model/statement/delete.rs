//! A DELETE of one row.

use std::panic::Location;

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, DeleteResult, EntityTrait, IntoActiveModel, PrimaryKeyTrait, QueryFilter,
    QueryTrait, sea_query::DeleteStatement,
};

use super::delete_many::{announced, delete_own};
use crate::model::{announce::needs_rows, change::Op, transaction::atomically, webhook_model::WebhookModel};

/// [`sea_orm::DeleteOne`], with the events of the row. `Entity::delete` of an annotated model returns it.
///
/// It runs none of the entity's own hooks. `row.delete(db)` and `model.delete(db)` run them.
///
/// # Examples
///
/// ```
/// use sea_orm::{DatabaseConnection, DbErr};
/// use thorn_core::model::{WebhookModel, statement::DeleteOne};
///
/// /// In an application, `delete` is `article::Entity::delete(row)`.
/// async fn run<E: WebhookModel>(delete: DeleteOne<E>, db: &DatabaseConnection) -> Result<(), DbErr> {
///     delete.exec(db).await?;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct DeleteOne<E: EntityTrait>(Result<ValidatedDeleteOne<E>, DbErr>);

/// [`sea_orm::ValidatedDeleteOne`], with the events of the row. `Entity::delete_by_id` of an annotated model returns
/// it.
///
/// # Examples
///
/// ```
/// use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, QueryFilter};
/// use thorn_core::model::{WebhookModel, statement::ValidatedDeleteOne};
///
/// /// In an application, `delete` is `article::Entity::delete_by_id(id)`.
/// async fn unless_locked<E: WebhookModel>(
///     delete: ValidatedDeleteOne<E>,
///     locked: E::Column,
///     db: &DatabaseConnection,
/// ) -> Result<u64, DbErr> {
///     Ok(delete.filter(locked.eq(false)).exec(db).await?.rows_affected)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ValidatedDeleteOne<E: EntityTrait>(pub(super) sea_orm::ValidatedDeleteOne<E>);

impl<E: WebhookModel> DeleteOne<E> {
    /// As [`sea_orm::Delete::one`].
    #[must_use]
    pub fn one<A, M>(row: M) -> Self
    where
        A: ActiveModelTrait<Entity = E>,
        M: IntoActiveModel<A>,
    {
        Self(sea_orm::Delete::one(row).validate().map(ValidatedDeleteOne))
    }

    /// As [`sea_orm::DeleteOne::validate`].
    ///
    /// # Errors
    ///
    /// [`DbErr::PrimaryKeyNotSet`] if the row has no complete primary key.
    pub fn validate(self) -> Result<ValidatedDeleteOne<E>, DbErr> {
        self.0
    }

    /// As [`sea_orm::DeleteOne::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, or that of an event that can't be rendered. In both cases no row is deleted.
    #[track_caller]
    pub fn exec<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<DeleteResult, DbErr>> {
        let caller = Location::caller();
        async move { self.0?.exec_from(db, caller).await }
    }

    /// As [`sea_orm::DeleteOne::exec_with_returning`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning<C>(self, db: &C) -> impl Future<Output = Result<Option<E::Model>, DbErr>>
    where
        C: ConnectionTrait,
    {
        let caller = Location::caller();
        async move { self.0?.exec_with_returning_from(db, caller).await }
    }
}

impl<E: WebhookModel> ValidatedDeleteOne<E> {
    /// A DELETE of the row with this primary key, as [`EntityTrait::delete_by_id`].
    #[must_use]
    pub fn by_id<T>(id: T) -> Self
    where
        T: Into<<E::PrimaryKey as PrimaryKeyTrait>::ValueType>,
    {
        Self(<E as EntityTrait>::delete_by_id(id))
    }

    /// As [`sea_orm::ValidatedDeleteOne::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, or that of an event that can't be rendered. In both cases no row is deleted.
    #[track_caller]
    pub fn exec<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<DeleteResult, DbErr>> {
        self.exec_from(db, Location::caller())
    }

    async fn exec_from<C: ConnectionTrait>(self, db: &C, caller: &Location<'_>) -> Result<DeleteResult, DbErr> {
        if !needs_rows::<E>(Op::Delete) {
            return self.0.exec(db).await;
        }
        let mut result = DeleteResult::empty();
        result.rows_affected = self.rows_from(db, caller).await?.len() as u64;
        Ok(result)
    }

    /// As [`sea_orm::ValidatedDeleteOne::exec_with_returning`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning<C>(self, db: &C) -> impl Future<Output = Result<Option<E::Model>, DbErr>>
    where
        C: ConnectionTrait,
    {
        self.exec_with_returning_from(db, Location::caller())
    }

    async fn exec_with_returning_from<C>(self, db: &C, caller: &Location<'_>) -> Result<Option<E::Model>, DbErr>
    where
        C: ConnectionTrait,
    {
        if !needs_rows::<E>(Op::Delete) || !db.support_returning() {
            return self.0.exec_with_returning(db).await;
        }
        Ok(self.rows_from(db, caller).await?.into_iter().next())
    }

    async fn rows_from<C: ConnectionTrait>(self, db: &C, caller: &Location<'_>) -> Result<Vec<E::Model>, DbErr> {
        let statement = self.0.into_query();
        atomically!(E, db, caller, |on| async move {
            let deleted = delete_own::<E, _>(statement, on).await?;
            announced::<E, _>(deleted, on).await
        })
    }
}

impl<E: EntityTrait> TryFrom<DeleteOne<E>> for ValidatedDeleteOne<E> {
    type Error = DbErr;

    fn try_from(delete: DeleteOne<E>) -> Result<Self, DbErr> {
        delete.0
    }
}

impl<E: EntityTrait> QueryFilter for ValidatedDeleteOne<E> {
    type QueryStatement = DeleteStatement;

    fn query(&mut self) -> &mut DeleteStatement {
        QueryTrait::query(&mut self.0)
    }
}

impl<E: EntityTrait> QueryTrait for ValidatedDeleteOne<E> {
    type QueryStatement = DeleteStatement;

    fn query(&mut self) -> &mut DeleteStatement {
        QueryTrait::query(&mut self.0)
    }

    fn as_query(&self) -> &DeleteStatement {
        self.0.as_query()
    }

    fn into_query(self) -> DeleteStatement {
        self.0.into_query()
    }
}
