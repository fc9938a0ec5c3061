//! Begins and ends holds.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{
    Subscriptions,
    entry::{Hold, Subscription},
    write::Write,
};
use crate::{error::Error, id::SubscriptionId};

impl Subscriptions {
    /// Replaces the hold that the caller knows of. Returns `false` if another worker was first, or if the subscription
    /// was disabled or deleted meanwhile.
    ///
    /// All workers learn of it as of any change of a subscription.
    pub(crate) async fn hold(&self, id: SubscriptionId, before: Option<Hold>, after: Hold) -> Result<bool, Error> {
        let Some(store) = &self.store else {
            let write = Write::begin(&self.db).await?;
            let held = write.hold(id, before, after).await;
            return write.finish(held).await;
        };
        let is_replaced = AtomicBool::new(false);
        let hold = |present: &Subscription, version| {
            let is_known = present.disabled.is_none() && present.held == before;
            // A store may call this several times. The last call is the one that counts.
            is_replaced.store(is_known, Ordering::Relaxed);
            is_known.then(|| Subscription { held: Some(after), version, ..present.clone() })
        };
        store.update(id, &hold).await?;
        Ok(is_replaced.into_inner())
    }
}
