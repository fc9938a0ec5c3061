//! An INSERT of many rows, with the own hooks.

use std::panic::Location;

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, InsertManyResult};

use super::Hooked;
use crate::model::{
    hooked_behavior::HookedBehavior, statement::insert_many::InsertMany, transaction::atomically,
    webhook_model::WebhookModel,
};

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;

impl<A> InsertMany<A>
where
    A: HookedBehavior,
    A::Entity: WebhookModel,
{
    /// Also runs the entity's own hooks: `before_save` for each row, then the statement, then `after_save` for each
    /// row that it inserted or, on a conflict, updated. [`Hooked`] has the details.
    ///
    /// # Examples
    ///
    /// ```
    /// use sea_orm::{DatabaseConnection, DbErr};
    /// use thorn_core::model::{HookedBehavior, WebhookModel, statement::InsertMany};
    ///
    /// /// In an application, `insert` is `article::Entity::insert_many(rows)`.
    /// async fn import<A>(insert: InsertMany<A>, db: &DatabaseConnection) -> Result<(), DbErr>
    /// where
    ///     A: HookedBehavior,
    ///     A::Entity: WebhookModel,
    /// {
    ///     insert.with_hooks().exec(db).await?;
    ///     Ok(())
    /// }
    /// ```
    pub fn with_hooks(self) -> Hooked<Self> {
        Hooked(self)
    }
}

impl<A> Hooked<InsertMany<A>>
where
    A: HookedBehavior,
    A::Entity: WebhookModel,
{
    /// As [`sea_orm::InsertMany::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, a hook's, or that of an event that can't be rendered. In each case no row is written.
    #[track_caller]
    pub fn exec<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<InsertManyResult<A>, DbErr>> {
        let (insertion, caller) = (Box::new(self.0.0), Location::caller());
        async move {
            // SeaORM answers to nothing without a statement. Only it can make the result.
            let nothing = sea_orm::InsertMany::many(std::iter::empty::<A>()).exec(db);
            let mut many = Box::pin(nothing).await?;
            if !insertion.is_empty() {
                let inserted = atomically!(A::Entity, db, caller, |on| Box::pin(async move {
                    insertion.execute_with_hooks(on).await?.0.last_insert_id().await
                }));
                many.last_insert_id = Some(inserted?.last_insert_id);
            }
            Ok(many)
        }
    }

    /// As [`sea_orm::InsertMany::exec_with_returning`], on every database.
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<Vec<Row<A>>, DbErr>> {
        let (insertion, caller) = (Box::new(self.0.0), Location::caller());
        async move {
            if insertion.is_empty() {
                return Ok(Vec::new());
            }
            atomically!(A::Entity, db, caller, |on| Box::pin(
                async move { Ok(insertion.execute_with_hooks(on).await?.1) }
            ))
        }
    }
}
