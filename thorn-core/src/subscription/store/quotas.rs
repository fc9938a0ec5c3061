//! The bounds on what one owner may have.
//!
//! A write checks them in its own transaction. Only one writer works at a time, so two writes can't take the last place
//! together.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, Select};

use super::Subscriptions;
use crate::{
    error::Error,
    id::SubscriptionId,
    spec::{Identity, Quota, QuotaExceeded, normal_host},
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

    /// Refuses a webhook's links, which are written already, if their owner has no place for those that are new to them
    /// or to the URL's host.
    pub(in crate::subscription) async fn check_links<C: ConnectionTrait>(
        &self,
        db: &C,
        owner: Option<&str>,
        url: &str,
        new: usize,
        new_to_host: usize,
    ) -> Result<(), Error> {
        let Some(owner) = owner else { return Ok(()) };
        let counted = of_owner(owner).filter(Column::CountedHost.is_not_null());
        if let (Some(limit), true) = (self.quotas.per_owner, new > 0) {
            refuse_new(Quota::PerOwner, counted.clone().count(db).await?, new as u64, limit)?;
        }
        if let (Some(limit), true) = (self.quotas.per_host, new_to_host > 0) {
            let host = normal_host(url);
            let present = counted.filter(Column::CountedHost.eq(&*host)).count(db).await?;
            refuse_new(Quota::PerHost { host }, present, new_to_host as u64, limit)?;
        }
        Ok(())
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
    of_owner(owner).filter(Column::Id.ne(id.as_uuid()))
}

fn of_owner(owner: &str) -> Select<Entity> {
    // Release 0.1 doesn't clear the counted host when it deletes a subscription.
    Entity::find().select_only().column(Column::Id).filter(Column::Owner.eq(owner)).filter(Column::DeletedAt.is_null())
}

fn refuse(quota: Quota, present: u64, limit: u64) -> Result<(), Error> {
    if present < limit { Ok(()) } else { Err(QuotaExceeded { quota, present, limit }.into()) }
}

/// Refuses if more than `limit` are there, `new` of them since this write.
fn refuse_new(quota: Quota, there: u64, new: u64, limit: u64) -> Result<(), Error> {
    let present = there.saturating_sub(new);
    if there <= limit { Ok(()) } else { Err(QuotaExceeded { quota, present, limit }.into()) }
}
