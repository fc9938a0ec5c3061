//! A DELETE of many rows, with the own hooks.

use std::{collections::HashMap, panic::Location};

use sea_orm::{ConnectionTrait, DbErr, DeleteResult, IntoActiveModel, ModelTrait, QueryTrait};

use super::{
    Hooked,
    refusal::{keep_key, unknown_rows},
};
use crate::model::{
    hooked_behavior::HookedBehavior,
    junction::{MAX_KEYS, with_keys},
    returning::delete_rows,
    statement::{
        delete_many::{DeleteMany, announced},
        matching::{Batches, has_subquery},
    },
    transaction::atomically,
    webhook_model::WebhookModel,
};

impl<E> DeleteMany<E>
where
    E: WebhookModel,
    E::ActiveModel: HookedBehavior,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    /// Also runs the entity's own hooks: `before_delete` for each matching row, then the statement, then
    /// `after_delete` for each. [`Hooked`] has the details.
    ///
    /// # Examples
    ///
    /// ```
    /// use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, IntoActiveModel, QueryFilter};
    /// use thorn_core::model::{HookedBehavior, WebhookModel, statement::DeleteMany};
    ///
    /// /// In an application, `delete` is `article::Entity::delete_many()`.
    /// async fn purge<E>(delete: DeleteMany<E>, expires: E::Column, now: i64, db: &DatabaseConnection) -> Result<u64, DbErr>
    /// where
    ///     E: WebhookModel,
    ///     E::ActiveModel: HookedBehavior,
    ///     E::Model: IntoActiveModel<E::ActiveModel>,
    /// {
    ///     Ok(delete.filter(expires.lt(now)).with_hooks().exec(db).await?.rows_affected)
    /// }
    /// ```
    pub fn with_hooks(self) -> Hooked<Self> {
        Hooked(self)
    }
}

impl<E> Hooked<DeleteMany<E>>
where
    E: WebhookModel,
    E::ActiveModel: HookedBehavior,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    /// As [`sea_orm::DeleteMany::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, a hook's, or that of an event that can't be rendered. In each case no row is deleted.
    #[track_caller]
    pub fn exec<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<DeleteResult, DbErr>> {
        let caller = Location::caller();
        async move {
            let mut result = DeleteResult::empty();
            result.rows_affected = atomically!(E, db, caller, |on| Box::pin(self.run(|_| (), on)))?;
            Ok(result)
        }
    }

    /// As [`sea_orm::DeleteMany::exec_with_returning`], on every database.
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
        async move { atomically!(E, db, caller, |on| Box::pin(self.rows(on))) }
    }

    async fn rows<C: ConnectionTrait>(self, db: &C) -> Result<Vec<E::Model>, DbErr> {
        let mut deleted = Vec::new();
        self.run(|rows| deleted.extend(rows), db).await?;
        Ok(deleted)
    }

    /// Deletes the rows in batches and gives each batch to `see`. Returns the number of rows.
    async fn run<C>(self, mut see: impl FnMut(Vec<E::Model>), db: &C) -> Result<u64, DbErr>
    where
        C: ConnectionTrait,
    {
        let DeleteMany { inner, matching } = self.0;
        if matching.is_own {
            return Err(unknown_rows::<E>());
        }
        let mut count = 0;
        let mut batches = Batches::<E>::of(matching.condition, has_subquery(inner.as_query()));
        loop {
            let rows = batches.next(db).await?;
            if rows.is_empty() {
                return Ok(count);
            }
            let deleted = announced::<E, C>(delete_with_hooks::<E, C>(rows, db).await?, db).await?;
            count += deleted.len() as u64;
            see(deleted);
        }
    }
}

/// Deletes these rows, which are locked, and runs the hooks. Returns the rows in the same order, as they were in the
/// end, because `before_delete` may have changed them.
async fn delete_with_hooks<E, C>(rows: Vec<E::Model>, db: &C) -> Result<Vec<E::Model>, DbErr>
where
    E: WebhookModel,
    E::ActiveModel: HookedBehavior,
    E::Model: IntoActiveModel<E::ActiveModel>,
    C: ConnectionTrait,
{
    let keys: Vec<_> = rows.iter().map(ModelTrait::get_primary_key_value).collect();
    let mut active_models = Vec::with_capacity(rows.len());
    for (row, key) in rows.into_iter().zip(&keys) {
        let row = HookedBehavior::before_delete(row.into_active_model(), db).await?;
        keep_key("before_delete", &row, key)?;
        active_models.push(row);
    }
    let mut deleted = HashMap::with_capacity(keys.len());
    for keys in keys.chunks(MAX_KEYS) {
        let rows = delete_rows::<E, C>(with_keys::<E>(keys), db).await?;
        deleted.extend(rows.into_iter().map(|row| (row.get_primary_key_value(), row)));
    }
    for row in active_models {
        HookedBehavior::after_delete(row, db).await?;
    }
    Ok(keys.iter().filter_map(|key| deleted.remove(key)).collect())
}
