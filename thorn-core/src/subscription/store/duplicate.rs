//! Duplicates of subscriptions that are checked, but not written.
//!
//! A write finds a duplicate by itself, because the identity is unique in the table.

use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};

use super::Subscriptions;
use crate::{
    error::Error,
    id::SubscriptionId,
    spec::{Field, Fields, Identity, InvalidSubscription},
    tables::subscription::{Column, Entity},
};

/// The fields that make a subscription unique.
const UNIQUE: [Field; 5] = [Field::Owner, Field::Source, Field::Pattern, Field::Url, Field::Filter];

impl Subscriptions {
    /// The error for a subscription with wrong fields. If the fields that make it unique are right, the error also says
    /// whether the owner has another such subscription than `own`.
    pub(super) async fn with_duplicate(
        &self,
        mut fields: Fields<'_>,
        identity: Identity<'_>,
        own: Option<SubscriptionId>,
    ) -> Error {
        if UNIQUE.iter().all(|field| fields.is_valid_in(*field)) {
            match self.has_another(identity, own).await {
                Ok(false) => {}
                Ok(true) => fields.duplicate(),
                Err(error) => return error,
            }
        }
        fields.into_errors().into()
    }

    /// Refuses a subscription whose fields are right if the owner has another such subscription than `own`.
    pub(super) async fn refuse_duplicate(
        &self,
        identity: Identity<'_>,
        own: Option<SubscriptionId>,
    ) -> Result<(), Error> {
        if self.has_another(identity, own).await? { Err(InvalidSubscription::duplicate().into()) } else { Ok(()) }
    }

    async fn has_another(&self, identity: Identity<'_>, own: Option<SubscriptionId>) -> Result<bool, Error> {
        // An application's own store can't be asked for an identity. It refuses duplicates when it writes.
        if self.store.is_some() {
            return Ok(false);
        }
        let mut others = Entity::find().filter(Column::Identity.eq(identity.hash()));
        if let Some(own) = own {
            others = others.filter(Column::Id.ne(own.as_uuid()));
        }
        Ok(others.count(&self.db).await? > 0)
    }
}
