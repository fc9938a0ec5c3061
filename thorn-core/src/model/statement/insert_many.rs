//! An INSERT of many rows.

use std::panic::Location;

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, InsertManyResult, IntoActiveModel, PrimaryKeyTrait,
    QueryTrait,
    sea_query::{InsertStatement, OnConflict},
};

use super::{insertion::Insertion, try_insert::TryInsert};
use crate::model::webhook_model::WebhookModel;

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;
type Key<A> = <<<A as ActiveModelTrait>::Entity as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

/// [`sea_orm::InsertMany`], with the events of the rows. `Entity::insert_many` of an annotated model returns it.
///
/// # Examples
///
/// ```
/// use sea_orm::{ActiveModelTrait, DatabaseConnection, DbErr};
/// use thorn_core::model::{WebhookModel, statement::InsertMany};
///
/// /// In an application, `insert` is `article::Entity::insert_many(rows)`.
/// async fn import<A>(insert: InsertMany<A>, db: &DatabaseConnection) -> Result<u64, DbErr>
/// where
///     A: ActiveModelTrait,
///     A::Entity: WebhookModel,
/// {
///     insert.exec_without_returning(db).await
/// }
/// ```
#[derive(Debug)]
pub struct InsertMany<A: ActiveModelTrait>(pub(super) Insertion<A>);

impl<A> InsertMany<A>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
{
    /// As [`sea_orm::InsertMany::many`].
    #[must_use]
    pub fn many<M, I>(rows: I) -> Self
    where
        M: IntoActiveModel<A>,
        I: IntoIterator<Item = M>,
    {
        Self(Insertion::many(rows.into_iter().map(IntoActiveModel::into_active_model)))
    }

    /// As [`sea_orm::InsertMany::on_conflict`].
    ///
    /// A row that the conflict updates fires the events of a change, one that it leaves alone fires none.
    #[must_use]
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.0.on_conflict(on_conflict);
        self
    }

    /// As [`sea_orm::InsertMany::on_conflict_do_nothing`].
    #[must_use]
    pub fn on_conflict_do_nothing(mut self) -> TryInsert<A> {
        self.0.do_nothing_on_primary_key();
        TryInsert(self.0)
    }

    /// As [`sea_orm::InsertMany::on_conflict_do_nothing_on`].
    #[must_use]
    pub fn on_conflict_do_nothing_on<I>(mut self, columns: I) -> TryInsert<A>
    where
        I: IntoIterator<Item = <A::Entity as EntityTrait>::Column>,
    {
        self.0.do_nothing_on(columns);
        TryInsert(self.0)
    }

    /// As [`sea_orm::InsertMany::try_insert`].
    #[must_use]
    pub fn try_insert(self) -> TryInsert<A> {
        TryInsert(self.0)
    }

    /// As `sea_orm::InsertMany::do_nothing`, which is deprecated in favour of [`try_insert`](Self::try_insert).
    #[must_use]
    pub fn do_nothing(self) -> TryInsert<A> {
        TryInsert(self.0)
    }

    /// As `sea_orm::InsertMany::on_empty_do_nothing`, which is deprecated in favour of
    /// [`try_insert`](Self::try_insert).
    #[must_use]
    pub fn on_empty_do_nothing(self) -> TryInsert<A> {
        TryInsert(self.0)
    }

    /// Inserts the rows and returns those that were written, on every database.
    pub(in crate::model) async fn rows<C: ConnectionTrait>(self, db: &C) -> Result<Vec<Row<A>>, DbErr> {
        self.0.execute_for_rows(db).await
    }

    /// As [`sea_orm::InsertMany::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, or that of an event that can't be rendered. In both cases no row is written.
    #[track_caller]
    pub fn exec<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<InsertManyResult<A>, DbErr>> {
        let caller = Location::caller();
        async move {
            // SeaORM answers to nothing without a statement. Only it can make the result.
            let mut many = sea_orm::InsertMany::many(std::iter::empty::<A>()).exec(db).await?;
            if !self.0.is_empty() {
                many.last_insert_id = Some(self.0.exec_from(db, caller).await?.last_insert_id);
            }
            Ok(many)
        }
    }

    /// As [`sea_orm::InsertMany::exec_without_returning`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_without_returning<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<u64, DbErr>> {
        let caller = Location::caller();
        async move {
            if self.0.is_empty() {
                return Ok(0);
            }
            self.0.exec_without_returning_from(db, caller).await
        }
    }

    /// As [`sea_orm::InsertMany::exec_with_returning`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning<C>(self, db: &C) -> impl Future<Output = Result<Vec<Row<A>>, DbErr>>
    where
        Row<A>: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        let caller = Location::caller();
        async move {
            if self.0.is_empty() {
                return Ok(Vec::new());
            }
            self.0.exec_with_returning_many_from(db, caller).await
        }
    }

    /// As `sea_orm::InsertMany::exec_with_returning_many`, which is deprecated in favour of
    /// [`exec_with_returning`](Self::exec_with_returning).
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning_many<C>(self, db: &C) -> impl Future<Output = Result<Vec<Row<A>>, DbErr>>
    where
        Row<A>: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        self.exec_with_returning(db)
    }

    /// As [`sea_orm::InsertMany::exec_with_returning_keys`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning_keys<C>(self, db: &C) -> impl Future<Output = Result<Vec<Key<A>>, DbErr>>
    where
        Row<A>: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        let caller = Location::caller();
        async move {
            if self.0.is_empty() {
                return Ok(Vec::new());
            }
            self.0.exec_with_returning_keys_from(db, caller).await
        }
    }
}

impl<A: ActiveModelTrait> QueryTrait for InsertMany<A> {
    type QueryStatement = InsertStatement;

    fn query(&mut self) -> &mut InsertStatement {
        self.0.statement_mut()
    }

    fn as_query(&self) -> &InsertStatement {
        self.0.statement()
    }

    fn into_query(self) -> InsertStatement {
        self.0.into_statement()
    }
}
