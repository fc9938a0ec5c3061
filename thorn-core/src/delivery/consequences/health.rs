//! Tracks how long a subscription has been failing, and disables it in the end.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use sea_orm::DatabaseConnection;

use super::announcement::{recovered, subscription_disabled};
use crate::{
    endpoint::forget_slowing,
    error::Error,
    id::SubscriptionId,
    outbox, process,
    rendered::RenderedEvent,
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
        let disabled = write.disable(id, failing_since, reason).await;
        finish_with(write, disabled, announcement).await
    }

    async fn disable_in_store(
        &self,
        store: &dyn SubscriptionStore,
        id: SubscriptionId,
        failing_since: Option<Timestamp>,
        reason: &str,
    ) -> Result<(), Error> {
        let disabled = Box::new(Disabled { at: Timestamp::now(), reason: reason.to_owned() });
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
            announce(&self.db, announcement).await?;
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
            _ => self.warn(subscription, since, now, patience).await,
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

    /// Notes that a delivery of a failing or held subscription succeeded. Sends the event `subscription.recovered` in
    /// the same transaction if there was a warning.
    pub(crate) async fn succeeded(&self, subscription: &Subscription) -> Result<(), Error> {
        if subscription.held.is_some() && subscription.spec.rate.is_some() {
            forget_slowing(&self.db, subscription.id).await?;
        }
        let failing_since = subscription.failing_since.unwrap_or_else(Timestamp::now);
        let announcement = recovered(subscription, failing_since)?;
        if let Some(store) = &self.store {
            let was_warned = AtomicBool::new(false);
            let note = |before: &Subscription, version| {
                was_warned.store(before.warned.is_some(), Ordering::Relaxed);
                Some(Subscription { failing_since: None, warned: None, held: None, version, ..before.clone() })
            };
            store.update(subscription.id, &note).await?;
            return if was_warned.into_inner() { announce(&self.db, announcement).await } else { Ok(()) };
        }
        let write = Write::begin(&self.db).await?;
        let was_warned = write.note_success(subscription.id).await;
        finish_with(write, was_warned, announcement).await
    }
}

/// Announces a change that a store of the application's own has written.
pub(super) async fn announce(db: &DatabaseConnection, announcement: RenderedEvent) -> Result<(), Error> {
    outbox::write(db, vec![announcement]).await?;
    process::notify();
    Ok(())
}

/// Commits a change of a subscription, and with it the event that announces it if the change happened.
pub(super) async fn finish_with(
    write: Write,
    is_changed: Result<bool, Error>,
    announcement: RenderedEvent,
) -> Result<(), Error> {
    let announced = match is_changed {
        Ok(true) => outbox::write(&write.transaction, vec![announcement]).await,
        Ok(false) => Ok(()),
        Err(error) => Err(error),
    };
    write.finish(announced).await?;
    process::notify();
    Ok(())
}
