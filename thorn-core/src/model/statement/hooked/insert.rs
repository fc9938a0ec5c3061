//! An INSERT of one row, with the own hooks.

use std::panic::Location;

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, InsertResult};

use super::Hooked;
use crate::model::{
    hooked_behavior::HookedBehavior, statement::insert::Insert, transaction::atomically, webhook_model::WebhookModel,
};

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;

impl<A> Insert<A>
where
    A: HookedBehavior,
    A::Entity: WebhookModel,
{
    /// Also runs the entity's own hooks: `before_save` before the statement, and `after_save` for the row that it
    /// inserted or, on a conflict, updated. [`Hooked`] has the details.
    ///
    /// Without `on_conflict`, `row.insert(db)` does the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use sea_orm::{ActiveModelTrait, DatabaseConnection, DbErr, EntityTrait, sea_query::OnConflict};
    /// use thorn_core::model::{HookedBehavior, WebhookModel, statement::Insert};
    ///
    /// /// Inserts a row or updates a column of it. In an application, `insert` is `article::Entity::insert(row)`.
    /// async fn upsert<A>(
    ///     insert: Insert<A>,
    ///     key: <A::Entity as EntityTrait>::Column,
    ///     column: <A::Entity as EntityTrait>::Column,
    ///     db: &DatabaseConnection,
    /// ) -> Result<<A::Entity as EntityTrait>::Model, DbErr>
    /// where
    ///     A: HookedBehavior,
    ///     A::Entity: WebhookModel,
    /// {
    ///     let update = OnConflict::column(key).update_column(column).to_owned();
    ///     insert.on_conflict(update).with_hooks().exec_with_returning(db).await
    /// }
    /// ```
    pub fn with_hooks(self) -> Hooked<Self> {
        Hooked(self)
    }
}

impl<A> Hooked<Insert<A>>
where
    A: HookedBehavior,
    A::Entity: WebhookModel,
{
    /// As [`sea_orm::Insert::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, a hook's, or that of an event that can't be rendered. In each case no row is written.
    #[track_caller]
    pub fn exec<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<InsertResult<A>, DbErr>> {
        let (insertion, caller) = (Box::new(self.0.0), Location::caller());
        async move {
            atomically!(A::Entity, db, caller, |on| Box::pin(async move {
                insertion.execute_with_hooks(on).await?.0.last_insert_id().await
            }))
        }
    }

    /// As [`sea_orm::Insert::exec_with_returning`], on every database.
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<Row<A>, DbErr>> {
        let (insertion, caller) = (Box::new(self.0.0), Location::caller());
        async move {
            atomically!(A::Entity, db, caller, |on| Box::pin(async move {
                insertion.execute_with_hooks(on).await?.1.pop().ok_or(DbErr::RecordNotInserted)
            }))
        }
    }
}
