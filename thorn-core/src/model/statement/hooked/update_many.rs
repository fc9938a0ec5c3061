//! An UPDATE of many rows, with the own hooks.

use std::panic::Location;

use sea_orm::{ConnectionTrait, DbErr, IntoActiveModel, QueryTrait, UpdateResult};

use super::{
    Hooked,
    refusal::{no_transaction, unknown_rows},
    update_rows::update_with_hooks,
};
use crate::{
    db::Concrete,
    model::{
        announce::announce,
        hooked_behavior::HookedBehavior,
        statement::update_many::{UpdateMany, batches},
        transaction::atomically,
        webhook_model::WebhookModel,
    },
};

impl<E> UpdateMany<E>
where
    E: WebhookModel,
    E::ActiveModel: HookedBehavior,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    /// Also runs the entity's own hooks. [`Hooked`] has the details.
    ///
    /// Each hook sees what it would see if the rows were saved one by one:
    ///
    /// 1. `before_save` gets an `ActiveModel` in which the columns of the statement are `Set` to their new values and
    ///    all others are `Unchanged`. The database still has the row as it was.
    /// 2. The statement runs for all rows.
    /// 3. A column that a hook set to something else is written by a further UPDATE of its row. A column that a
    ///    hook unset gets its old value back.
    /// 4. `after_save` gets the row as it is in the end, and its event is written.
    ///
    /// The new values come from a first run of the statement behind a savepoint, which is rolled back. A sequence
    /// that the statement reads therefore advances twice.
    ///
    /// # Examples
    ///
    /// ```
    /// use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, IntoActiveModel, QueryFilter, sea_query::Expr};
    /// use thorn_core::model::{HookedBehavior, WebhookModel, statement::UpdateMany};
    ///
    /// /// Sets a column that is null. In an application, `update` is `article::Entity::update_many()`.
    /// async fn fill<E>(
    ///     update: UpdateMany<E>,
    ///     column: E::Column,
    ///     value: &str,
    ///     db: &DatabaseConnection,
    /// ) -> Result<u64, DbErr>
    /// where
    ///     E: WebhookModel,
    ///     E::ActiveModel: HookedBehavior,
    ///     E::Model: IntoActiveModel<E::ActiveModel>,
    /// {
    ///     let update = update.col_expr(column, Expr::value(value)).filter(column.is_null());
    ///     Ok(update.with_hooks().exec(db).await?.rows_affected)
    /// }
    /// ```
    pub fn with_hooks(self) -> Hooked<Self> {
        Hooked(self)
    }
}

impl<E> Hooked<UpdateMany<E>>
where
    E: WebhookModel,
    E::ActiveModel: HookedBehavior,
    E::Model: IntoActiveModel<E::ActiveModel>,
{
    /// As [`sea_orm::UpdateMany::exec`].
    ///
    /// # Errors
    ///
    /// SeaORM's, a hook's, or that of an event that can't be rendered. In each case no row is updated.
    #[track_caller]
    pub fn exec<C: ConnectionTrait>(self, db: &C) -> impl Future<Output = Result<UpdateResult, DbErr>> {
        let caller = Location::caller();
        async move {
            let mut result = UpdateResult::default();
            result.rows_affected = atomically!(E, db, caller, |on| Box::pin(self.run(|_| (), on)))?;
            Ok(result)
        }
    }

    /// As [`sea_orm::UpdateMany::exec_with_returning`], on every database.
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
        let mut updated = Vec::new();
        self.run(|row| updated.push(row), db).await?;
        Ok(updated)
    }

    /// Updates the rows in batches and gives each row to `see`. Returns the number of rows.
    async fn run<C: ConnectionTrait>(self, mut see: impl FnMut(E::Model), db: &C) -> Result<u64, DbErr> {
        let UpdateMany { inner, matching } = self.0;
        if inner.as_query().get_values().is_empty() {
            return Ok(0);
        }
        if matching.is_own {
            return Err(unknown_rows::<E>());
        }
        if !Concrete::of(db).is_transaction() {
            return Err(no_transaction::<E>());
        }
        let mut count = 0;
        let mut batches = batches(&inner, matching.condition);
        loop {
            let old = batches.next(db).await?;
            if old.is_empty() {
                return Ok(count);
            }
            let written = update_with_hooks(&inner, old, db).await?;
            announce::<E, C>(&written, db).await?;
            count += written.len() as u64;
            written.into_iter().for_each(|row| see(row.new));
        }
    }
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use sea_orm::{Database, DbErr, sea_query::Expr};

    use super::{HookedBehavior, UpdateMany, WebhookModel};
    use crate::{db::without_returning::WithoutReturning, model::event::ModelEvent};

    mod item {
        use sea_orm::entity::prelude::*;

        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "item")]
        pub(super) struct Model {
            #[sea_orm(primary_key)]
            pub(super) id: i32,
            pub(super) n: i32,
        }

        #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
        pub(super) enum Relation {}

        impl ActiveModelBehavior for ActiveModel {}
    }

    impl HookedBehavior for item::ActiveModel {}

    impl WebhookModel for item::Entity {
        const EVENTS: &'static [ModelEvent<item::Model>] = &[];
    }

    #[tokio::test]
    async fn a_connection_without_a_transaction_is_refused_whatever_the_policy_says() {
        let foreign = WithoutReturning(Database::connect("sqlite::memory:").await.unwrap());
        let update = UpdateMany::<item::Entity>::new().col_expr(item::Column::N, Expr::value(1)).with_hooks();
        // The policy is asked before.
        let Err(DbErr::Custom(refusal)) = update.rows(&foreign).await else { panic!("it isn't refused") };
        assert!(refusal.contains("`with_hooks()` on `item` needs a transaction"), "{refusal}");
    }
}
