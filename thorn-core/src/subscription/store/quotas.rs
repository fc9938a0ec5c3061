//! The bounds on what one owner may have.
//!
//! A write checks them in its own transaction. Only one writer works at a time, so two writes can't take the last place
//! together.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Select};

use super::Subscriptions;
use crate::{
    error::Error,
    id::SubscriptionId,
    spec::{Identity, Quota, QuotaExceeded},
    subscription::access::Access,
    tables::subscription::{Column, Entity},
};

impl Subscriptions {
    /// Refuses a new subscription if its owner has no place for it. The subscription's own row doesn't count.
    pub(super) async fn check_quotas<C: ConnectionTrait>(
        &self,
        db: &C,
        id: SubscriptionId,
        new: &Identity<'_>,
    ) -> Result<(), Error> {
        if let (Some(owner), Some(limit), Some(_)) = (new.owner, self.quotas.per_owner, new.counted_host()) {
            let others = others(id, owner).filter(Column::CountedHost.is_not_null());
            refuse(Quota::PerOwner, others.count(db).await?, limit)?;
        }
        self.check_host(db, id, new).await
    }

    /// Refuses a change that moves a subscription to a host for which its owner has no place. An operator may move any
    /// subscription.
    pub(super) async fn check_move<C: ConnectionTrait>(
        &self,
        db: &C,
        access: Access<'_>,
        id: SubscriptionId,
        before: &Identity<'_>,
        after: &Identity<'_>,
    ) -> Result<(), Error> {
        if access == Access::Operator || before.counted_host() == after.counted_host() {
            return Ok(());
        }
        self.check_host(db, id, after).await
    }

    async fn check_host<C: ConnectionTrait>(
        &self,
        db: &C,
        id: SubscriptionId,
        new: &Identity<'_>,
    ) -> Result<(), Error> {
        if let (Some(owner), Some(limit), Some(host)) = (new.owner, self.quotas.per_host, new.counted_host()) {
            let others = others(id, owner).filter(Column::CountedHost.eq(&*host));
            refuse(Quota::PerHost { host }, others.count(db).await?, limit)?;
        }
        Ok(())
    }
}

/// The owner's subscriptions, without the one with this id. An index has them by owner and counted host.
fn others(id: SubscriptionId, owner: &str) -> Select<Entity> {
    // Release 0.1 doesn't clear the counted host when it deletes a subscription.
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(Column::Owner.eq(owner))
        .filter(Column::DeletedAt.is_null())
        .filter(Column::Id.ne(id.as_uuid()))
}

fn refuse(quota: Quota, present: u64, limit: u64) -> Result<(), Error> {
    if present < limit { Ok(()) } else { Err(QuotaExceeded { quota, present, limit }.into()) }
}
