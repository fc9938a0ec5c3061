//! The trait that `#[active_model_behavior]` implements: the user's own hooks, without thorn's.

use async_trait::async_trait;
use sea_orm::{ActiveModelBehavior, ConnectionTrait, DbErr, EntityTrait};

/// Proof that the `ActiveModelBehavior` of an `ActiveModel` runs thorn's hooks. The attribute that generates
/// the behavior implements it.
///
/// Its hidden methods are the entity's own hooks alone. [`with_hooks`](super::statement::Hooked) runs them for
/// statements, whose events thorn writes anyway.
#[diagnostic::on_unimplemented(
    message = "the hooks of `{Self}` don't announce events",
    label = "`custom_behavior` promises an own `impl ActiveModelBehavior for {Self}`",
    note = "put `#[thorn::active_model_behavior]` on that impl, above `#[async_trait]`"
)]
#[async_trait]
pub trait HookedBehavior: ActiveModelBehavior + Send {
    #[doc(hidden)]
    async fn before_save<C>(self, _db: &C, _insert: bool) -> Result<Self, DbErr>
    where
        C: ConnectionTrait,
    {
        Ok(self)
    }

    #[doc(hidden)]
    async fn after_save<C>(
        model: <Self::Entity as EntityTrait>::Model,
        _db: &C,
        _insert: bool,
    ) -> Result<<Self::Entity as EntityTrait>::Model, DbErr>
    where
        C: ConnectionTrait,
    {
        Ok(model)
    }

    #[doc(hidden)]
    async fn before_delete<C>(self, _db: &C) -> Result<Self, DbErr>
    where
        C: ConnectionTrait,
    {
        Ok(self)
    }

    #[doc(hidden)]
    async fn after_delete<C>(self, _db: &C) -> Result<Self, DbErr>
    where
        C: ConnectionTrait,
    {
        Ok(self)
    }
}
