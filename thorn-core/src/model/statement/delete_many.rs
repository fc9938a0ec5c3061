//! A DELETE of many rows.

use std::panic::Location;

use sea_orm::{
    ConnectionTrait, DbErr, DeleteResult, EntityTrait, FromQueryResult, PrimaryKeyTrait, QueryFilter, QueryTrait,
    Statement,
    sea_query::{DeleteStatement, IntoCondition, IntoValueTuple, Query},
};

use super::{
    insertion::{all_columns, changed_statement},
    matching::{Batches, Matching, has_subquery},
};
use crate::model::{
    announce::{Written, announce, needs_rows},
    change::Op,
    junction::with_keys,
    returning::delete_by_keys,
    transaction::atomically,
    webhook_model::WebhookModel,
};

/// [`sea_orm::DeleteMany`], with the events of the rows. `Entity::delete_many` of an annotated model returns it.
///
/// # Examples
///
/// ```
/// use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, QueryFilter};
/// use thorn_core::model::{WebhookModel, statement::DeleteMany};
///
/// /// In an application, `delete` is `article::Entity::delete_many()`.
/// async fn purge<E: WebhookModel>(
///     delete: DeleteMany<E>,
///     expires: E::Column,
///     now: i64,
///     db: &DatabaseConnection,
/// ) -> Result<u64, DbErr> {
///     Ok(delete.filter(expires.lt(now)).exec(db).await?.rows_affected)
/// }
/// ```
#[derive(Clone, Debug)]
pub struct DeleteMany<E: EntityTrait> {
    pub(super) inner: sea_orm::DeleteMany<E>,
    pub(super) matching: Matching,
}

impl<E: WebhookModel> DeleteMany<E> {
    /// A DELETE of all rows, to be filtered.
    #[must_use]
    pub fn new() -> Self {
        Self { inner: sea_orm::Delete::many(E::default()), matching: Matching::all() }
    }

    /// As [`sea_orm::DeleteMany::filter_by_ids`].
    #[must_use]
    pub fn filter_by_ids<I>(self, ids: I) -> Self
    where
        I: IntoIterator<Item = <E::PrimaryKey as PrimaryKeyTrait>::ValueType>,
    {
        let ids: Vec<_> = ids.into_iter().map(IntoValueTuple::into_value_tuple).collect();
        self.filter(with_keys::<E>(&ids))
    }

    /// As [`sea_orm::DeleteMany::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, or that of an event that can't be rendered. In both cases no row is deleted.
    #[track_caller]
    pub fn exec<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<DeleteResult, DbErr>> {
        let caller = Location::caller();
        async move {
            if !needs_rows::<E>(Op::Delete) {
                return self.inner.exec(db).await;
            }
            let mut result = DeleteResult::empty();
            result.rows_affected = atomically!(E, db, caller, |on| self.run(|_| (), on))?;
            Ok(result)
        }
    }

    /// As [`sea_orm::DeleteMany::exec_with_returning`].
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning<C>(self, db: &C) -> impl Future<Output = Result<Vec<E::Model>, DbErr>>
    where
        C: ConnectionTrait,
    {
        let caller = Location::caller();
        async move {
            if !needs_rows::<E>(Op::Delete) || !db.support_returning() {
                return self.inner.exec_with_returning(db).await;
            }
            self.rows_from(db, caller).await
        }
    }

    /// Deletes the rows and returns them, on every database.
    pub(in crate::model) async fn rows_from<C>(self, db: &C, caller: &Location<'_>) -> Result<Vec<E::Model>, DbErr>
    where
        C: ConnectionTrait,
    {
        atomically!(E, db, caller, |on| self.rows(on))
    }

    pub(in crate::model) async fn rows<C: ConnectionTrait>(self, db: &C) -> Result<Vec<E::Model>, DbErr> {
        let mut deleted = Vec::new();
        self.run(|rows| deleted.extend(rows), db).await?;
        Ok(deleted)
    }

    /// Deletes the rows in batches, writes their events, and gives each batch to `see`. Returns the number of rows.
    async fn run<C>(self, mut see: impl FnMut(Vec<E::Model>), db: &C) -> Result<u64, DbErr>
    where
        C: ConnectionTrait,
    {
        if self.matching.is_own {
            let deleted = delete_own::<E, C>(self.inner.into_query(), db).await?;
            let count = deleted.len() as u64;
            see(announced::<E, C>(deleted, db).await?);
            return Ok(count);
        }
        let mut count = 0;
        let mut batches = Batches::<E>::of(self.matching.condition, has_subquery(self.inner.as_query()));
        loop {
            let rows = batches.next(db).await?;
            if rows.is_empty() {
                return Ok(count);
            }
            count += delete_by_keys::<E, C>(&rows, db).await?;
            see(announced::<E, C>(rows, db).await?);
        }
    }
}

/// Writes the events of deleted rows.
pub(super) async fn announced<E, C>(rows: Vec<E::Model>, db: &C) -> Result<Vec<E::Model>, DbErr>
where
    E: WebhookModel,
    C: ConnectionTrait,
{
    let written: Vec<_> = rows.into_iter().map(Written::deleted).collect();
    announce::<E, C>(&written, db).await?;
    Ok(written.into_iter().map(|row| row.new).collect())
}

/// Deletes with a statement of which thorn knows only the SQL, and returns the rows.
pub(super) async fn delete_own<E, C>(mut statement: DeleteStatement, db: &C) -> Result<Vec<E::Model>, DbErr>
where
    E: EntityTrait,
    C: ConnectionTrait,
{
    let backend = db.get_database_backend();
    if db.support_returning() {
        statement.returning(Query::returning().exprs(all_columns::<E>(backend)));
        let rows = db.query_all(&statement).await?;
        return rows.iter().map(|row| E::Model::from_query_result(row, "")).collect();
    }
    // The same rows as a locking read. Both statements have the same values.
    let delete = backend.build(&statement);
    let rest = delete.sql.strip_prefix("DELETE FROM ").ok_or_else(changed_statement::<E>)?;
    let select = Statement { sql: format!("SELECT * FROM {rest} FOR UPDATE"), ..delete.clone() };
    let rows = E::find().from_raw_sql(select).all(db).await?;
    db.execute_raw(delete).await?;
    Ok(rows)
}

impl<E: WebhookModel> Default for DeleteMany<E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<E: EntityTrait> QueryFilter for DeleteMany<E> {
    type QueryStatement = DeleteStatement;

    fn query(&mut self) -> &mut DeleteStatement {
        QueryTrait::query(self)
    }

    fn filter<F: IntoCondition>(mut self, filter: F) -> Self {
        self.filter_mut(filter);
        self
    }

    fn filter_mut<F: IntoCondition>(&mut self, filter: F) {
        let condition = filter.into_condition();
        self.matching.add(condition.clone());
        self.inner.filter_mut(condition);
    }
}

impl<E: EntityTrait> QueryTrait for DeleteMany<E> {
    type QueryStatement = DeleteStatement;

    fn query(&mut self) -> &mut DeleteStatement {
        self.matching.is_own = true;
        QueryTrait::query(&mut self.inner)
    }

    fn as_query(&self) -> &DeleteStatement {
        self.inner.as_query()
    }

    fn into_query(self) -> DeleteStatement {
        self.inner.into_query()
    }
}
