//! Tracks how long a subscription has been failing, and disables it in the end.

use std::time::Duration;

use super::announcement::subscription_disabled;
use crate::{
    error::Error,
    id::SubscriptionId,
    outbox, process,
    subscription::{Disabled, Subscription, SubscriptionStore, Subscriptions, Write, find_any},
    timestamp::Timestamp,
};

impl Subscriptions {
    /// Disables a subscription on behalf of the system, for instance because its receiver answered
    /// "410 Gone". Sends the event `subscription.disabled` in the same transaction. A subscription that is
    /// already disabled or deleted doesn't change.
    ///
    /// # Errors
    ///
    /// - [`Error::NotFound`] if no subscription has this id, or one had it and its row was purged.
    /// - [`Error::Database`] if the database fails.
    pub async fn disable(&self, id: SubscriptionId, reason: &str) -> Result<(), Error> {
        self.disable_if(id, None, reason).await
    }

    /// As [`disable`](Self::disable). With `failing_since`, only if the subscription is still failing since
    /// then: the caller's state may be old, and another worker's delivery may have succeeded meanwhile.
    async fn disable_if(
        &self,
        id: SubscriptionId,
        failing_since: Option<Timestamp>,
        reason: &str,
    ) -> Result<(), Error> {
        if let Some(store) = &self.store {
            return self.disable_in_store(&**store, id, failing_since, reason).await;
        }
        let row = find_any(&self.db, id).await?;
        if row.disabled_at.is_some() || row.deleted_at.is_some() {
            return Ok(());
        }
        let announcement = subscription_disabled(id, row.owner.as_deref(), &row.pattern, &row.url, reason)?;
        let write = Write::begin(&self.db).await?;
        let disabled = match write.disable(id, failing_since, reason).await {
            Ok(true) => outbox::write(&write.transaction, vec![announcement]).await,
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        write.finish(disabled).await?;
        process::notify();
        Ok(())
    }

    async fn disable_in_store(
        &self,
        store: &dyn SubscriptionStore,
        id: SubscriptionId,
        failing_since: Option<Timestamp>,
        reason: &str,
    ) -> Result<(), Error> {
        let disabled = Disabled { at: Timestamp::now(), reason: reason.to_owned() };
        let disable = |before: &Subscription, version| {
            let changed =
                Subscription { disabled: Some(disabled.clone()), updated_at: disabled.at, version, ..before.clone() };
            let still_failing = failing_since.is_none() || before.failing_since == failing_since;
            (before.disabled.is_none() && still_failing).then_some(changed)
        };
        if let Some(one) = store.update(id, &disable).await?.filter(|one| one.disabled.as_ref() == Some(&disabled)) {
            let owner = one.owner.as_deref();
            let announcement =
                subscription_disabled(id, owner, one.spec.pattern.as_str(), &one.spec.destination.url, reason)?;
            outbox::write(&self.db, vec![announcement]).await?;
        }
        Ok(())
    }

    /// Notes that no delivery has succeeded since this time. Disables the subscription once that is as long ago as
    /// `patience`; `None` never disables it.
    pub(crate) async fn failed(
        &self,
        subscription: &Subscription,
        since: Timestamp,
        now: Timestamp,
        patience: Option<Duration>,
    ) -> Result<(), Error> {
        let Some(since) = subscription.failing_since else {
            return self.note_failing(subscription.id, since).await;
        };
        match patience {
            Some(patience) if now.since(since) >= patience => {
                let reason = format!("no delivery has succeeded since {since}");
                self.disable_if(subscription.id, Some(since), &reason).await
            }
            _ => Ok(()),
        }
    }

    async fn note_failing(&self, id: SubscriptionId, since: Timestamp) -> Result<(), Error> {
        if let Some(store) = &self.store {
            let note = |before: &Subscription, version| {
                let changed = Subscription { failing_since: Some(since), version, ..before.clone() };
                before.failing_since.is_none().then_some(changed)
            };
            return store.update(id, &note).await.map(drop);
        }
        let write = Write::begin(&self.db).await?;
        let noted = write.note_failing(id, since).await;
        write.finish(noted).await
    }

    /// Notes that a delivery of a failing or held subscription succeeded.
    pub(crate) async fn succeeded(&self, id: SubscriptionId) -> Result<(), Error> {
        if let Some(store) = &self.store {
            let note = |before: &Subscription, version| {
                Some(Subscription { failing_since: None, held: None, version, ..before.clone() })
            };
            return store.update(id, &note).await.map(drop);
        }
        let write = Write::begin(&self.db).await?;
        let noted = write.note_success(id).await;
        write.finish(noted).await
    }
}
