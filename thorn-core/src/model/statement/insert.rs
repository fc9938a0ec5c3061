//! An INSERT of one row.

use std::panic::Location;

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, InsertResult, IntoActiveModel, PrimaryKeyTrait, QueryTrait,
    sea_query::{InsertStatement, OnConflict},
};

use super::{insertion::Insertion, try_insert::TryInsert};
use crate::model::webhook_model::WebhookModel;

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;
type Key<A> = <<<A as ActiveModelTrait>::Entity as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

/// [`sea_orm::Insert`], with the events of the row. `Entity::insert` of an annotated model returns it.
///
/// # Examples
///
/// ```
/// use sea_orm::{ActiveModelTrait, DatabaseConnection, DbErr, sea_query::OnConflict};
/// use thorn_core::model::{WebhookModel, statement::Insert};
///
/// /// Inserts a row, or does nothing if its key is taken. In an application, `insert` is `article::Entity::insert(row)`.
/// async fn insert_once<A>(insert: Insert<A>, db: &DatabaseConnection) -> Result<(), DbErr>
/// where
///     A: ActiveModelTrait,
///     A::Entity: WebhookModel,
/// {
///     insert.on_conflict_do_nothing().exec(db).await?;
///     Ok(())
/// }
/// ```
#[derive(Debug)]
pub struct Insert<A: ActiveModelTrait>(pub(super) Insertion<A>);

impl<A> Insert<A>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
{
    /// As [`sea_orm::Insert::one`].
    #[must_use]
    pub fn one<M: IntoActiveModel<A>>(row: M) -> Self {
        Self(Insertion::one(row.into_active_model()))
    }

    /// As [`sea_orm::Insert::on_conflict`].
    ///
    /// A row that the conflict updates fires the events of a change, one that it leaves alone fires none.
    #[must_use]
    pub fn on_conflict(mut self, on_conflict: OnConflict) -> Self {
        self.0.on_conflict(on_conflict);
        self
    }

    /// As [`sea_orm::Insert::on_conflict_do_nothing`].
    #[must_use]
    pub fn on_conflict_do_nothing(mut self) -> TryInsert<A> {
        self.0.do_nothing_on_primary_key();
        TryInsert(self.0)
    }

    /// As [`sea_orm::Insert::on_conflict_do_nothing_on`].
    #[must_use]
    pub fn on_conflict_do_nothing_on<I>(mut self, columns: I) -> TryInsert<A>
    where
        I: IntoIterator<Item = <A::Entity as EntityTrait>::Column>,
    {
        self.0.do_nothing_on(columns);
        TryInsert(self.0)
    }

    /// As [`sea_orm::Insert::try_insert`].
    #[must_use]
    pub fn try_insert(self) -> TryInsert<A> {
        TryInsert(self.0)
    }

    /// As `sea_orm::Insert::do_nothing`, which is deprecated in favour of [`try_insert`](Self::try_insert).
    #[must_use]
    pub fn do_nothing(self) -> TryInsert<A> {
        TryInsert(self.0)
    }

    /// As `sea_orm::Insert::on_empty_do_nothing`, which is deprecated in favour of
    /// [`try_insert`](Self::try_insert).
    #[must_use]
    pub fn on_empty_do_nothing(self) -> TryInsert<A> {
        TryInsert(self.0)
    }

    /// As [`sea_orm::Insert::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, or that of an event that can't be rendered. In both cases no row is written.
    #[track_caller]
    pub fn exec<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<InsertResult<A>, DbErr>> {
        self.0.exec_from(db, Location::caller())
    }

    /// As [`sea_orm::Insert::exec_without_returning`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_without_returning<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<u64, DbErr>> {
        self.0.exec_without_returning_from(db, Location::caller())
    }

    /// As [`sea_orm::Insert::exec_with_returning`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning<C>(self, db: &C) -> impl Future<Output = Result<Row<A>, DbErr>>
    where
        Row<A>: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        self.0.exec_with_returning_from(db, Location::caller())
    }

    /// As [`sea_orm::Insert::exec_with_returning_keys`].
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
        self.0.exec_with_returning_keys_from(db, Location::caller())
    }

    /// As [`sea_orm::Insert::exec_with_returning_many`].
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
        self.0.exec_with_returning_many_from(db, Location::caller())
    }
}

impl<A> TryInsert<A>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
{
    /// As [`sea_orm::TryInsert::on_conflict`].
    #[must_use]
    pub fn on_conflict(self, on_conflict: OnConflict) -> Insert<A> {
        Insert(self.0).on_conflict(on_conflict)
    }
}

impl<A: ActiveModelTrait> QueryTrait for Insert<A> {
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
