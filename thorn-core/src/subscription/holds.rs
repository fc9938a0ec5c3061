//! Begins holds, and lets a user end their wait.

use std::sync::atomic::{AtomicBool, Ordering};

use sea_orm::{ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _};

use super::{
    Access, Registry, Subscriptions,
    entry::{Hold, HoldStage, Subscription},
    held_deliveries::bring_forward,
    write::Write,
};
use crate::{
    error::Error,
    id::SubscriptionId,
    tables::subscription::{Column, Entity},
    timestamp::Timestamp,
};

impl Subscriptions {
    /// Lets the next delivery to a held endpoint be the probe now. If it succeeds, the hold ends, and all deliveries
    /// that wait follow.
    ///
    /// If no deliveries of the subscription are held, or if a probe is under way, nothing changes. Returns the
    /// subscription as it is then.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the subscription doesn't exist or the caller may not see it; [`Error::Database`]; with a
    /// store of the application's own, that store's error.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example(thorn: &thorn_core::Thorn, id: thorn_core::SubscriptionId) -> Result<(), thorn_core::Error> {
    /// use thorn_core::subscription::Access;
    ///
    /// let subscription = thorn.subscriptions().probe(Access::Owner("alice"), id).await?;
    /// assert_eq!(subscription.id, id);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn probe(&self, access: Access<'_>, id: SubscriptionId) -> Result<Subscription, Error> {
        let present = self.get(access, id).await?;
        let now = Timestamp::now();
        let Some(hold) = present.held.clone().filter(|hold| matches!(hold.stage(now), HoldStage::Waiting(_))) else {
            return Ok(present);
        };
        let over = Hold { until: now, ..(*hold).clone() };
        if self.hold(&present, Some(&hold), &over).await? {
            bring_forward(&self.db, id).await?;
        }
        self.get(access, id).await
    }

    /// The number of enabled subscriptions whose deliveries are held. With a store of the application's own, the registry
    /// counts them.
    pub(crate) async fn held(&self, registry: &Registry) -> Result<u64, Error> {
        if self.store.is_some() {
            registry.refresh(&self.db).await?;
            return Ok(registry.held());
        }
        let held = Entity::find()
            .filter(Column::HeldUntil.is_not_null())
            .filter(Column::DisabledAt.is_null())
            .filter(Column::DeletedAt.is_null());
        Ok(held.count(&self.db).await?)
    }

    /// Replaces the hold that the caller knows of. Returns `false` if another worker was first, or if a user has changed,
    /// disabled or deleted the subscription meanwhile. So a late response from before the change begins no hold.
    ///
    /// All workers learn of it as of any change of a subscription.
    pub(crate) async fn hold(&self, known: &Subscription, before: Option<&Hold>, after: &Hold) -> Result<bool, Error> {
        let Some(store) = &self.store else {
            let write = Write::begin(&self.db).await?;
            let held = write.hold(known, before, after).await;
            return write.finish(held).await;
        };
        let is_replaced = AtomicBool::new(false);
        let hold = |present: &Subscription, version| {
            let is_known = present.updated_at == known.updated_at;
            let is_known = is_known && present.disabled.is_none() && present.held.as_deref() == before;
            // A store may call this several times. The last call is the one that counts.
            is_replaced.store(is_known, Ordering::Relaxed);
            is_known.then(|| Subscription { held: Some(Box::new(after.clone())), version, ..present.clone() })
        };
        store.update(known.id, &hold).await?;
        Ok(is_replaced.into_inner())
    }
}
