//! An UPDATE of one row.

use std::panic::Location;

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter, QueryTrait,
    UpdateResult,
    sea_query::{Query, UpdateStatement, ValueTuple},
};

use super::insertion::all_columns;
use crate::model::{
    announce::{Written, announce, needs_rows},
    change::Op,
    junction::with_keys,
    row_lock,
    transaction::atomically,
    webhook_model::{WebhookModel, needs_old_row},
};

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;

/// [`sea_orm::UpdateOne`], with the events of the row. `Entity::update` of an annotated model returns it.
///
/// It runs none of the entity's own hooks. `row.update(db)` runs them.
///
/// # Examples
///
/// ```
/// use sea_orm::{ActiveModelTrait, DatabaseConnection, DbErr};
/// use thorn_core::model::{WebhookModel, statement::UpdateOne};
///
/// /// In an application, `update` is `article::Entity::update(row)`.
/// async fn run<A>(update: UpdateOne<A>, db: &DatabaseConnection) -> Result<u64, DbErr>
/// where
///     A: ActiveModelTrait,
///     A::Entity: WebhookModel,
/// {
///     Ok(update.exec_without_returning(db).await?.rows_affected)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct UpdateOne<A: ActiveModelTrait>(Result<ValidatedUpdateOne<A>, DbErr>);

/// [`sea_orm::ValidatedUpdateOne`], with the events of the row. [`UpdateOne::validate`] returns it.
///
/// # Examples
///
/// ```
/// use sea_orm::{ActiveModelTrait, ColumnTrait, DatabaseConnection, DbErr, EntityTrait, QueryFilter};
/// use thorn_core::model::{WebhookModel, statement::UpdateOne};
///
/// /// Updates a row unless somebody else has.
/// async fn if_unchanged<A>(
///     update: UpdateOne<A>,
///     version: <A::Entity as EntityTrait>::Column,
///     seen: i32,
///     db: &DatabaseConnection,
/// ) -> Result<(), DbErr>
/// where
///     A: ActiveModelTrait,
///     A::Entity: WebhookModel,
/// {
///     update.validate()?.filter(version.eq(seen)).exec_without_returning(db).await?;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct ValidatedUpdateOne<A: ActiveModelTrait> {
    inner: sea_orm::ValidatedUpdateOne<A>,
    key: ValueTuple,
}

impl<A> UpdateOne<A>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
{
    /// As [`sea_orm::Update::one`].
    #[must_use]
    pub fn one(row: A) -> Self {
        let key = row.get_primary_key_value().ok_or(DbErr::PrimaryKeyNotSet { ctx: "UpdateOne" });
        let inner = sea_orm::Update::one(row).validate();
        Self(inner.and_then(|inner| Ok(ValidatedUpdateOne { inner, key: key? })))
    }

    /// As [`sea_orm::UpdateOne::validate`].
    ///
    /// # Errors
    ///
    /// [`DbErr::PrimaryKeyNotSet`] if the row has no complete primary key.
    pub fn validate(self) -> Result<ValidatedUpdateOne<A>, DbErr> {
        self.0
    }

    /// As [`sea_orm::UpdateOne::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, or that of an event that can't be rendered. In both cases the row isn't updated.
    #[track_caller]
    pub fn exec<C>(self, db: &C) -> impl Future<Output = Result<Row<A>, DbErr>>
    where
        Row<A>: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        let caller = Location::caller();
        async move { self.0?.exec_from(db, caller).await }
    }

    /// As [`sea_orm::UpdateOne::exec_without_returning`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_without_returning<C>(self, db: &C) -> impl Future<Output = Result<UpdateResult, DbErr>>
    where
        C: ConnectionTrait,
    {
        let caller = Location::caller();
        async move { self.0?.exec_without_returning_from(db, caller).await }
    }
}

impl<A> ValidatedUpdateOne<A>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
{
    /// As [`sea_orm::ValidatedUpdateOne::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, or that of an event that can't be rendered. In both cases the row isn't updated.
    #[track_caller]
    pub fn exec<C>(self, db: &C) -> impl Future<Output = Result<Row<A>, DbErr>>
    where
        Row<A>: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        self.exec_from(db, Location::caller())
    }

    async fn exec_from<C>(self, db: &C, caller: &Location<'_>) -> Result<Row<A>, DbErr>
    where
        Row<A>: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        if !self.needs_rows() {
            return self.inner.exec(db).await;
        }
        atomically!(A::Entity, db, caller, |on| async move {
            let old = self.old(on).await?;
            let new = self.inner.exec(on).await?;
            announced::<A::Entity, _>(old, new, on).await
        })
    }

    /// As [`sea_orm::ValidatedUpdateOne::exec_without_returning`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_without_returning<C>(self, db: &C) -> impl Future<Output = Result<UpdateResult, DbErr>>
    where
        C: ConnectionTrait,
    {
        self.exec_without_returning_from(db, Location::caller())
    }

    async fn exec_without_returning_from<C>(self, db: &C, caller: &Location<'_>) -> Result<UpdateResult, DbErr>
    where
        C: ConnectionTrait,
    {
        if !needs_rows::<A::Entity>(Op::Change) {
            return self.inner.exec_without_returning(db).await;
        }
        atomically!(A::Entity, db, caller, |on| self.run_without_returning(on))
    }

    /// Updates the row and writes its events on this connection.
    pub(in crate::model) async fn run_without_returning<C: ConnectionTrait>(
        self,
        db: &C,
    ) -> Result<UpdateResult, DbErr> {
        // SeaORM executes nothing if no column is set.
        if self.inner.as_query().get_values().is_empty() {
            return self.inner.exec_without_returning(db).await;
        }
        let old = self.old(db).await?;
        let new = self.updated(db).await?;
        announced::<A::Entity, C>(old, new, db).await?;
        let mut result = UpdateResult::default();
        result.rows_affected = 1;
        Ok(result)
    }

    /// Whether thorn must know the row. If no column is set, SeaORM updates nothing.
    fn needs_rows(&self) -> bool {
        needs_rows::<A::Entity>(Op::Change) && !self.inner.as_query().get_values().is_empty()
    }

    /// Reads and locks the row as it is, if an event needs it.
    async fn old<C: ConnectionTrait>(&self, db: &C) -> Result<Option<Row<A>>, DbErr> {
        if !needs_old_row::<A::Entity>() {
            return Ok(None);
        }
        let this = A::Entity::find().filter(with_keys::<A::Entity>(std::slice::from_ref(&self.key)));
        Ok(row_lock::read_all(this, db).await?.pop())
    }

    /// Updates the row and returns it, without the conversion to an `ActiveModel` that SeaORM's `exec` needs.
    async fn updated<C: ConnectionTrait>(self, db: &C) -> Result<Row<A>, DbErr> {
        let row = if db.support_returning() {
            let mut statement = self.inner.into_query();
            statement.returning(Query::returning().exprs(all_columns::<A::Entity>(db.get_database_backend())));
            let row = db.query_one(&statement).await?;
            row.map(|row| Row::<A>::from_query_result(&row, "")).transpose()?
        } else {
            self.inner.exec_without_returning(db).await?;
            A::Entity::find().filter(with_keys::<A::Entity>(&[self.key])).one(db).await?
        };
        row.ok_or(DbErr::RecordNotUpdated)
    }
}

async fn announced<E, C>(old: Option<E::Model>, new: E::Model, db: &C) -> Result<E::Model, DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    let row = Written::changed(old, new);
    announce::<E, C>(std::slice::from_ref(&row), db).await?;
    Ok(row.new)
}

impl<A: ActiveModelTrait> TryFrom<UpdateOne<A>> for ValidatedUpdateOne<A> {
    type Error = DbErr;

    fn try_from(update: UpdateOne<A>) -> Result<Self, DbErr> {
        update.0
    }
}

impl<A: ActiveModelTrait> QueryFilter for ValidatedUpdateOne<A> {
    type QueryStatement = UpdateStatement;

    fn query(&mut self) -> &mut UpdateStatement {
        QueryTrait::query(&mut self.inner)
    }
}

impl<A: ActiveModelTrait> QueryTrait for ValidatedUpdateOne<A> {
    type QueryStatement = UpdateStatement;

    fn query(&mut self) -> &mut UpdateStatement {
        QueryTrait::query(&mut self.inner)
    }

    fn as_query(&self) -> &UpdateStatement {
        self.inner.as_query()
    }

    fn into_query(self) -> UpdateStatement {
        self.inner.into_query()
    }
}
