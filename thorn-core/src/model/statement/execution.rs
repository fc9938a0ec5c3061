//! The executions of an INSERT that the builders share.

use std::panic::Location;

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait, InsertResult, IntoActiveModel, PrimaryKeyTrait};

use super::insertion::Insertion;
use crate::model::{transaction::atomically, webhook_model::WebhookModel};

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;
type Key<A> = <<<A as ActiveModelTrait>::Entity as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

/// Each executes as the method of [`sea_orm::Insert`] with its name, and writes the events. `caller` is the line of the
/// application, for a refusal.
impl<A> Insertion<A>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
{
    pub(super) async fn exec_from<C: ConnectionTrait>(
        self,
        db: &C,
        caller: &Location<'_>,
    ) -> Result<InsertResult<A>, DbErr> {
        if !self.is_announced() {
            return self.into_sea_orm().exec(db).await;
        }
        atomically!(A::Entity, db, caller, |on| async move { self.execute(on).await?.last_insert_id().await })
    }

    pub(super) async fn exec_without_returning_from<C: ConnectionTrait>(
        self,
        db: &C,
        caller: &Location<'_>,
    ) -> Result<u64, DbErr> {
        if !self.is_announced() {
            return self.into_sea_orm().exec_without_returning(db).await;
        }
        atomically!(A::Entity, db, caller, |on| async move { Ok(self.execute(on).await?.affected()) })
    }

    pub(super) async fn exec_with_returning_from<C>(self, db: &C, caller: &Location<'_>) -> Result<Row<A>, DbErr>
    where
        Row<A>: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        if !self.is_announced() {
            return self.into_sea_orm().exec_with_returning(db).await;
        }
        atomically!(A::Entity, db, caller, |on| async move { self.execute(on).await?.row(on).await })
    }

    pub(super) async fn exec_with_returning_keys_from<C>(
        self,
        db: &C,
        caller: &Location<'_>,
    ) -> Result<Vec<Key<A>>, DbErr>
    where
        Row<A>: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        if !self.is_announced() || !db.support_returning() {
            return self.into_sea_orm().exec_with_returning_keys(db).await;
        }
        atomically!(A::Entity, db, caller, |on| async move { self.execute(on).await?.keys().await })
    }

    pub(super) async fn exec_with_returning_many_from<C>(
        self,
        db: &C,
        caller: &Location<'_>,
    ) -> Result<Vec<Row<A>>, DbErr>
    where
        Row<A>: IntoActiveModel<A>,
        C: ConnectionTrait,
    {
        if !self.is_announced() || !db.support_returning() {
            return self.into_sea_orm().exec_with_returning_many(db).await;
        }
        atomically!(A::Entity, db, caller, |on| self.execute_for_rows(on))
    }
}
