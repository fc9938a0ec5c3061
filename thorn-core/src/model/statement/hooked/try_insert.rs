//! An INSERT for which "nothing inserted" is a normal outcome, with the own hooks.

use std::panic::Location;

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, InsertResult, TryInsertResult};

use super::Hooked;
use crate::model::{
    hooked_behavior::HookedBehavior, statement::try_insert::TryInsert, transaction::atomically,
    webhook_model::WebhookModel,
};

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;

impl<A> TryInsert<A>
where
    A: HookedBehavior,
    A::Entity: WebhookModel,
{
    /// Also runs the entity's own hooks: `before_save` for each row, then the statement, then `after_save` for each
    /// row that it inserted. [`Hooked`] has the details.
    ///
    /// What `before_save` wrote stays, whether or not its row was inserted.
    ///
    /// # Examples
    ///
    /// ```
    /// use sea_orm::{DatabaseConnection, DbErr, TryInsertResult};
    /// use thorn_core::model::{HookedBehavior, WebhookModel, statement::TryInsert};
    ///
    /// /// In an application, `insert` is `article::Entity::insert(row).on_conflict_do_nothing()`.
    /// async fn was_new<A>(insert: TryInsert<A>, db: &DatabaseConnection) -> Result<bool, DbErr>
    /// where
    ///     A: HookedBehavior,
    ///     A::Entity: WebhookModel,
    /// {
    ///     Ok(matches!(insert.with_hooks().exec(db).await?, TryInsertResult::Inserted(_)))
    /// }
    /// ```
    pub fn with_hooks(self) -> Hooked<Self> {
        Hooked(self)
    }
}

impl<A> Hooked<TryInsert<A>>
where
    A: HookedBehavior,
    A::Entity: WebhookModel,
{
    /// As [`sea_orm::TryInsert::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, a hook's, or that of an event that can't be rendered. In each case no row is written.
    #[track_caller]
    pub fn exec<C>(self, db: &C) -> impl Future<Output = Result<TryInsertResult<InsertResult<A>>, DbErr>>
    where
        C: ConnectionTrait,
    {
        let (insertion, caller) = (Box::new(self.0.0), Location::caller());
        async move {
            if insertion.is_empty() {
                return Ok(TryInsertResult::Empty);
            }
            atomically!(A::Entity, db, caller, |on| Box::pin(async move {
                tried(insertion.execute_with_hooks(on).await?.0.last_insert_id().await)
            }))
        }
    }

    /// As [`sea_orm::TryInsert::exec_with_returning`], on every database.
    ///
    /// # Errors
    ///
    /// As [`exec`](Self::exec).
    #[track_caller]
    pub fn exec_with_returning<C>(self, db: &C) -> impl Future<Output = Result<TryInsertResult<Row<A>>, DbErr>>
    where
        C: ConnectionTrait,
    {
        let (insertion, caller) = (Box::new(self.0.0), Location::caller());
        async move {
            if insertion.is_empty() {
                return Ok(TryInsertResult::Empty);
            }
            atomically!(A::Entity, db, caller, |on| Box::pin(async move {
                let (_, rows) = insertion.execute_with_hooks(on).await?;
                tried(rows.into_iter().next().ok_or(DbErr::RecordNotInserted))
            }))
        }
    }

    /// As [`sea_orm::TryInsert::exec_with_returning_many`], on every database.
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
        C: ConnectionTrait,
    {
        let (insertion, caller) = (Box::new(self.0.0), Location::caller());
        async move {
            if insertion.is_empty() {
                return Ok(TryInsertResult::Empty);
            }
            atomically!(A::Entity, db, caller, |on| Box::pin(async move {
                tried(Ok(insertion.execute_with_hooks(on).await?.1))
            }))
        }
    }
}

/// Takes "nothing inserted" for a result, so that the transaction is committed.
fn tried<T>(inserted: Result<T, DbErr>) -> Result<TryInsertResult<T>, DbErr> {
    match inserted {
        Ok(inserted) => Ok(TryInsertResult::Inserted(inserted)),
        Err(DbErr::RecordNotInserted) => Ok(TryInsertResult::Conflicted),
        Err(error) => Err(error),
    }
}
