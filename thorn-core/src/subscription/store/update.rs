//! Changes of subscriptions in the database.

use super::{Present, Subscriptions, check_length};
use crate::{
    error::Error,
    id::SubscriptionId,
    intent::notify_intents,
    spec::{SpecChange, UrlScrutiny},
    subscription::{
        access::{Access, find, not_found},
        change::{Kept, SubscriptionChange},
        confirmation::Confirmation,
        entry::{Disabled, Subscription},
        held_deliveries::{bring_forward, discard_waiting},
        row,
        write::Write,
    },
    tenant::Tenant,
    timestamp::Timestamp,
};

impl Subscriptions {
    /// Changes a subscription. A field that `change` doesn't name stays as it is. For a configured subscription,
    /// `change` may only enable or disable it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the subscription doesn't exist or the caller may not see it; [`Error::Configured`] if
    /// `change` names another field of a configured subscription; [`Error::Subscription`] with every invalid field;
    /// [`Error::Quota`] if the owner has as many subscriptions to the new URL's host as they may have;
    /// [`Error::Secret`] if the present secret or headers can't be decrypted and `change` doesn't replace them;
    /// [`Error::Database`]; with a store of the application's own, that store's error.
    pub async fn update(
        &self,
        access: Access<'_>,
        id: SubscriptionId,
        change: SubscriptionChange,
    ) -> Result<Subscription, Error> {
        let present = self.present(access, id).await?;
        let checked = self.checked_change(access, id, &present, &change).await?;
        let updated = self.change(access, id, checked).await?;
        if updated.confirmation == Some(Confirmation::Pending) {
            notify_intents();
        }
        let (was_paused, is_paused) = (present.paused_at.is_some(), updated.paused_at.is_some());
        let is_resumed = was_paused && !is_paused;
        if is_resumed && change.kept == Kept::Discard {
            discard_waiting(&self.db, id).await?;
        } else if is_resumed || !is_paused && present.held.is_some() && updated.held.is_none() {
            bring_forward(&self.db, id).await?;
        }
        Ok(updated)
    }

    async fn change(
        &self,
        access: Access<'_>,
        id: SubscriptionId,
        checked: CheckedChange,
    ) -> Result<Subscription, Error> {
        if let Some(store) = &self.store {
            let now = Timestamp::now();
            let apply = |before: &Subscription, version| Some(changed(before.clone(), &checked, version, now));
            return store.update(id, &apply).await?.ok_or_else(|| not_found(id));
        }
        let write = Write::begin(&self.db).await?;
        let updated = self.apply(&write, access, id, checked).await;
        write.finish(updated).await
    }

    /// Checks a change without storing it. Without thorn's table, an application's own store knows of duplicates and
    /// quotas, and the check doesn't cover them.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the subscription doesn't exist or the caller may not see it; [`Error::Configured`] if
    /// `change` names another field of a configured subscription than `enabled`; [`Error::Subscription`] with every
    /// invalid field, or if the owner has another such subscription; [`Error::Quota`] if the owner has as many
    /// subscriptions to the new URL's host as they may have; [`Error::Database`]; with a store of the application's own,
    /// that store's error.
    pub async fn check_change(
        &self,
        access: Access<'_>,
        id: SubscriptionId,
        change: &SubscriptionChange,
    ) -> Result<(), Error> {
        let present = self.present(access, id).await?;
        let checked = self.checked_change(access, id, &present, change).await?;
        let (before, after) = (present.identity(), checked.spec.identity(present.identity()));
        self.refuse_duplicate(after.clone(), Some(id)).await?;
        if self.store.is_some() { Ok(()) } else { self.check_move(&self.db, access, id, &before, &after).await }
    }

    async fn checked_change(
        &self,
        access: Access<'_>,
        id: SubscriptionId,
        present: &Present,
        change: &SubscriptionChange,
    ) -> Result<CheckedChange, Error> {
        if !change.spec.is_empty() {
            present.refuse_change(id)?;
        }
        let is_owners = present.owner.is_some() && access != Access::Operator;
        let mut fields = if is_owners { self.fields() } else { self.fields_of_operator() };
        let tenant = Tenant::of(present.owner.as_deref());
        let spec = tenant.has_done(change.spec.check(&mut fields, UrlScrutiny::ResolveUnless(&present.url))).await;
        check_length(&mut fields, &change.spec, &present.signing);
        if !fields.is_valid() {
            return Err(self.with_duplicate(fields, spec.identity(present.identity()), Some(id)).await);
        }
        Ok(CheckedChange { spec, enabled: change.enabled, paused: change.paused })
    }

    /// Applies the change to the row as it is now. Another writer may have changed the row since the check read it.
    async fn apply(
        &self,
        write: &Write,
        access: Access<'_>,
        id: SubscriptionId,
        change: CheckedChange,
    ) -> Result<Subscription, Error> {
        let row = find(&write.transaction, access, id).await?;
        // A change with a new secret and new headers repairs a subscription whose present values can't be decrypted.
        let secret = match change.spec.secret() {
            Some(secret) => secret.clone(),
            None => row::secret(&row, self.key.as_ref())?,
        };
        let headers = match change.spec.headers() {
            Some(headers) => headers.clone(),
            None => row::headers(&row, self.key.as_ref())?,
        };
        let before = row::with_unsealed(row, secret, headers)?;
        let updated = changed(before.clone(), &change, write.version, Timestamp::now());
        let confirmation = self.required_after(&write.transaction, access, &before, &updated).await?;
        let updated = updated.with_confirmation(confirmation);
        write.update(self.row(&updated)?).await?;
        let has_moved = before.spec.destination.url != updated.spec.destination.url;
        if has_moved && (before.confirmation.is_some() || confirmation.is_some()) {
            self.ask(&write.transaction, &updated).await?;
        }
        let (before, after) = (row::identity(&before), row::identity(&updated));
        self.check_move(&write.transaction, access, id, &before, &after).await?;
        Ok(updated)
    }
}

/// A change that passed all checks.
struct CheckedChange {
    spec: SpecChange,
    enabled: Option<bool>,
    paused: Option<bool>,
}

/// Returns the subscription with the change applied.
fn changed(before: Subscription, change: &CheckedChange, version: i64, now: Timestamp) -> Subscription {
    let spec = change.spec.apply(before.spec.clone());
    let is_enabled_again = before.disabled.is_some() && change.enabled == Some(true);
    let matches_others = is_enabled_again || spec.pattern != before.spec.pattern || spec.filter != before.spec.filter;
    // A pause would otherwise count as time in which the endpoint failed.
    let begins_anew = change.enabled == Some(true) || change.paused.is_some();
    let is_same_url = spec.destination.url == before.spec.destination.url;
    Subscription {
        disabled: match (change.enabled, before.disabled.clone()) {
            (Some(true), _) => None,
            (Some(false), None) => Some(Box::new(Disabled { at: now, reason: "disabled by a user".to_owned() })),
            (_, disabled) => disabled,
        },
        failing_since: before.failing_since.filter(|_| !begins_anew),
        warned: before.warned.filter(|_| !begins_anew),
        paused_at: match change.paused {
            Some(true) => before.paused_at.or(Some(now)),
            Some(false) => None,
            None => before.paused_at,
        },
        held: before.held.clone().filter(|_| !begins_anew && is_same_url),
        updated_at: now,
        version,
        matches_version: if matches_others { version } else { before.matches_version },
        spec,
        ..before
    }
}
