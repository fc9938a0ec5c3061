//! An INSERT for which "nothing inserted" is a normal outcome.

use std::panic::Location;

use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, InsertResult, IntoActiveModel, PrimaryKeyTrait, QueryTrait,
    TryInsertResult, sea_query::InsertStatement,
};

use super::insertion::Insertion;
use crate::model::webhook_model::WebhookModel;

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;
type Key<A> = <<<A as ActiveModelTrait>::Entity as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

/// [`sea_orm::TryInsert`], with the events of the rows. `try_insert` and the methods `on_conflict_do_nothing…` of
/// [`Insert`](super::Insert) and [`InsertMany`](super::InsertMany) return it.
///
/// # Examples
///
/// ```
/// use sea_orm::{ActiveModelTrait, DatabaseConnection, DbErr, TryInsertResult};
/// use thorn_core::model::{WebhookModel, statement::TryInsert};
///
/// async fn was_new<A>(insert: TryInsert<A>, db: &DatabaseConnection) -> Result<bool, DbErr>
/// where
///     A: ActiveModelTrait,
///     A::Entity: WebhookModel,
/// {
///     Ok(matches!(insert.exec(db).await?, TryInsertResult::Inserted(_)))
/// }
/// ```
#[derive(Debug)]
pub struct TryInsert<A: ActiveModelTrait>(pub(super) Insertion<A>);

impl<A> TryInsert<A>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
{
    /// As [`sea_orm::TryInsert::one`].
    #[must_use]
    pub fn one<M: IntoActiveModel<A>>(row: M) -> Self {
        Self(Insertion::one(row.into_active_model()))
    }

    /// As [`sea_orm::TryInsert::many`].
    #[must_use]
    pub fn many<M, I>(rows: I) -> Self
    where
        M: IntoActiveModel<A>,
        I: IntoIterator<Item = M>,
    {
        Self(Insertion::many(rows.into_iter().map(IntoActiveModel::into_active_model)))
    }

    /// As [`sea_orm::TryInsert::on_conflict_do_nothing`].
    #[must_use]
    pub fn on_conflict_do_nothing(mut self) -> Self {
        self.0.do_nothing_on_primary_key();
        self
    }

    /// As [`sea_orm::TryInsert::on_conflict_do_nothing_on`].
    #[must_use]
    pub fn on_conflict_do_nothing_on<I>(mut self, columns: I) -> Self
    where
        I: IntoIterator<Item = <A::Entity as EntityTrait>::Column>,
    {
        self.0.do_nothing_on(columns);
        self
    }

    /// As [`sea_orm::TryInsert::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, or that of an event that can't be rendered. In both cases no row is written.
    #[track_caller]
    pub fn exec<C>(self, db: &C) -> impl Future<Output = Result<TryInsertResult<InsertResult<A>>, DbErr>>
    where
        C: ConnectionTrait,
    {
        let caller = Location::caller();
        tried(self, move |insert| insert.exec_from(db, caller))
    }

    /// As [`sea_orm::TryInsert::exec_without_returning`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_without_returning<C>(self, db: &C) -> impl Future<Output = Result<TryInsertResult<u64>, DbErr>>
    where
        C: ConnectionTrait,
    {
        let caller = Location::caller();
        tried(self, move |insert| insert.exec_without_returning_from(db, caller))
    }

    /// As [`sea_orm::TryInsert::exec_with_returning`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning<C>(self, db: &C) -> impl Future<Output = Result<TryInsertResult<Row<A>>, DbErr>>
    where
        Row<A>: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        let caller = Location::caller();
        tried(self, move |insert| insert.exec_with_returning_from(db, caller))
    }

    /// As [`sea_orm::TryInsert::exec_with_returning_keys`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning_keys<C>(
        self,
        db: &C,
    ) -> impl Future<Output = Result<TryInsertResult<Vec<Key<A>>>, DbErr>>
    where
        Row<A>: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        let caller = Location::caller();
        tried(self, move |insert| insert.exec_with_returning_keys_from(db, caller))
    }

    /// As [`sea_orm::TryInsert::exec_with_returning_many`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning_many<C>(
        self,
        db: &C,
    ) -> impl Future<Output = Result<TryInsertResult<Vec<Row<A>>>, DbErr>>
    where
        Row<A>: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        let caller = Location::caller();
        tried(self, move |insert| insert.exec_with_returning_many_from(db, caller))
    }
}

/// Executes the statement if there are rows, and takes "nothing inserted" for a result.
async fn tried<A, T, F>(insert: TryInsert<A>, exec: impl FnOnce(Insertion<A>) -> F) -> Result<TryInsertResult<T>, DbErr>
where
    A: ActiveModelTrait,
    F: Future<Output = Result<T, DbErr>>,
{
    if insert.0.is_empty() {
        return Ok(TryInsertResult::Empty);
    }
    match exec(insert.0).await {
        Ok(value) => Ok(TryInsertResult::Inserted(value)),
        Err(DbErr::RecordNotInserted) => Ok(TryInsertResult::Conflicted),
        Err(error) => Err(error),
    }
}

impl<A: ActiveModelTrait> QueryTrait for TryInsert<A> {
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
