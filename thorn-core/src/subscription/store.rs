//! Subscriptions in the database.

use std::sync::Arc;

use sea_orm::DatabaseConnection;

use super::{
    access::{Access, Page, find, find_page, not_found},
    change::{NewSubscription, SubscriptionChange},
    entry::{Disabled, Subscription},
    foreign_store::SubscriptionStore,
    row,
    write::Write,
};
use crate::{
    error::Error,
    id::SubscriptionId,
    signing::{Secret, SecretError, SecretKey, Signer},
    spec::{Fields, SpecChange, UrlCheck, UrlScrutiny},
    tables::subscription as entity,
    timestamp::Timestamp,
};

/// Creates, lists, changes and deletes the subscriptions in the database.
///
/// Every write is one transaction. If a part of the write fails, nothing is written.
///
/// # Examples
///
/// ```
/// # async fn example(
/// #     db: sea_orm::DatabaseConnection,
/// #     guard: std::sync::Arc<dyn thorn_core::subscription::UrlCheck>,
/// # ) -> Result<(), thorn_core::Error> {
/// use thorn_core::subscription::{NewSubscription, Subscriptions};
///
/// let subscriptions = Subscriptions::new(db, guard, None);
/// let made = subscriptions
///     .create(NewSubscription {
///         owner: Some("alice".into()),
///         pattern: "article.*".into(),
///         url: "https://hooks.example/articles".into(),
///         ..NewSubscription::default()
///     })
///     .await?;
/// if let Some(secret) = &made.destination.signing.secret {
///     println!("verify with {}", secret.expose());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Subscriptions {
    pub(crate) db: DatabaseConnection,
    check: Arc<dyn UrlCheck>,
    pub(super) key: Option<SecretKey>,
    choices: Option<Arc<[String]>>,
    pub(super) signer: Signer,
    /// The store that replaces thorn's table, if the application has such a store.
    pub(crate) store: Option<Arc<dyn SubscriptionStore>>,
}

impl Subscriptions {
    /// Uses the subscriptions in this database. A URL must pass `check`. With a `key`, secrets and headers are
    /// encrypted.
    #[must_use]
    pub fn new(db: DatabaseConnection, check: Arc<dyn UrlCheck>, key: Option<SecretKey>) -> Self {
        Self { db, check, key, choices: None, signer: Signer::default(), store: None }
    }

    /// Refuses patterns that match neither one of these events nor one of thorn's own (`THORN_EVENT_CHOICES`).
    #[must_use]
    pub fn with_event_choices(mut self, choices: Vec<String>) -> Self {
        self.choices = Some(choices.into());
        self
    }

    /// Sets the signer of new subscriptions that name no signer themselves (`THORN_HMAC_SIGNER`). The signer decides
    /// how `Hook-HMAC` is computed.
    #[must_use]
    pub const fn with_signer(mut self, signer: Signer) -> Self {
        self.signer = signer;
        self
    }

    /// Keeps subscriptions in `store` instead of thorn's table.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn SubscriptionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Creates a subscription. If `new` has no secret and isn't unsigned, thorn generates a secret.
    ///
    /// # Errors
    ///
    /// [`Error::Subscription`] with every invalid field, or if the owner already has a subscription with this event,
    /// URL and filter; [`Error::Secret`] if a secret can't be generated or encrypted; [`Error::Database`].
    pub async fn create(&self, new: NewSubscription) -> Result<Subscription, Error> {
        let new = self.checked(&new).await?;
        let at = |version| Subscription { created_version: version, version, matches_version: version, ..new.clone() };
        if let Some(store) = &self.store {
            return store.insert(&at).await;
        }
        let write = Write::begin(&self.db).await?;
        let made = at(write.version);
        let inserted = match self.row(&made) {
            Ok(row) => write.insert(row).await,
            Err(error) => Err(error),
        };
        write.finish(inserted).await?;
        Ok(made)
    }

    /// Checks a new subscription without storing it. The check doesn't cover duplicates of the owner's other
    /// subscriptions.
    ///
    /// # Errors
    ///
    /// [`Error::Subscription`] with every invalid field; [`Error::Secret`] if a secret can't be generated.
    pub async fn check(&self, new: &NewSubscription) -> Result<(), Error> {
        self.checked(new).await.map(drop)
    }

    /// The subscription to insert, with version 0.
    async fn checked(&self, new: &NewSubscription) -> Result<Subscription, Error> {
        let mut fields = self.fields();
        let owner = fields.owner(new.owner.as_deref());
        let spec = new.draft().check(&mut fields, UrlScrutiny::Resolve).await.into_spec(self.signer);
        let source = fields.source(new.source.as_deref());
        let (Some(owner), Some(source), Some(mut spec), true) = (owner, source, spec, fields.is_valid()) else {
            return Err(fields.into_errors().into());
        };
        if new.secret.is_none() && !new.unsigned {
            spec.destination.signing.secret = Some(Secret::generate().map_err(SecretError::from)?);
        }
        Ok(Subscription::new(SubscriptionId::generate(), owner, source, spec))
    }

    /// Lists one page of the subscriptions, sorted by URL. Subscriptions with the same URL are sorted from newest
    /// to oldest.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the subscription `page.after` doesn't exist; [`Error::Secret`] if a secret or headers
    /// can't be decrypted; [`Error::Database`].
    pub async fn list(&self, access: Access<'_>, page: Page) -> Result<Vec<Subscription>, Error> {
        if let Some(store) = &self.store {
            return store.list(access, page).await;
        }
        let rows = find_page(&self.db, access, page).await?;
        rows.into_iter().map(|row| row::read(row, self.key.as_ref())).collect()
    }

    /// Returns one subscription.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the subscription doesn't exist or the caller may not see it; [`Error::Secret`] if its
    /// secret or headers can't be decrypted; [`Error::Database`].
    pub async fn get(&self, access: Access<'_>, id: SubscriptionId) -> Result<Subscription, Error> {
        let Some(store) = &self.store else {
            return row::read(find(&self.db, access, id).await?, self.key.as_ref());
        };
        let found = store.find(id).await?.filter(|one| access.may_see(one.owner.as_deref()));
        found.ok_or_else(|| not_found(id))
    }

    /// Changes a subscription. A field that `change` doesn't name stays as it is. For a configured subscription,
    /// `change` may only enable or disable it.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the subscription doesn't exist or the caller may not see it; [`Error::Configured`] if
    /// `change` names another field of a configured subscription; [`Error::Subscription`] with every invalid field;
    /// [`Error::Secret`] if the present secret or headers can't be decrypted and `change` doesn't replace them;
    /// [`Error::Database`].
    pub async fn update(
        &self,
        access: Access<'_>,
        id: SubscriptionId,
        change: SubscriptionChange,
    ) -> Result<Subscription, Error> {
        let checked = self.checked_change(access, id, &change).await?;
        if let Some(store) = &self.store {
            let now = Timestamp::now();
            let apply = |before: &Subscription, version| Some(changed(before.clone(), &checked, version, now));
            return store.update(id, &apply).await?.ok_or_else(|| not_found(id));
        }
        let write = Write::begin(&self.db).await?;
        let updated = self.apply(&write, access, id, checked).await;
        write.finish(updated).await
    }

    /// Checks a change without storing it. The check doesn't cover duplicates of the owner's other subscriptions.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the subscription doesn't exist or the caller may not see it; [`Error::Configured`] if
    /// `change` names another field of a configured subscription than `enabled`; [`Error::Subscription`] with every
    /// invalid field; [`Error::Database`].
    pub async fn check_change(
        &self,
        access: Access<'_>,
        id: SubscriptionId,
        change: &SubscriptionChange,
    ) -> Result<(), Error> {
        self.checked_change(access, id, change).await.map(drop)
    }

    async fn checked_change(
        &self,
        access: Access<'_>,
        id: SubscriptionId,
        change: &SubscriptionChange,
    ) -> Result<CheckedChange, Error> {
        let (url, source) = self.present(access, id).await?;
        if !change.draft().is_empty() {
            refuse_configured(id, source)?;
        }
        let mut fields = self.fields();
        let spec = change.draft().check(&mut fields, UrlScrutiny::ResolveUnless(&url)).await;
        if !fields.is_valid() {
            return Err(fields.into_errors().into());
        }
        Ok(CheckedChange { spec, enabled: change.enabled })
    }

    /// Deletes a subscription. Its deliveries stay in the history. Its secret and headers are erased.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the subscription doesn't exist or the caller may not see it; [`Error::Configured`] if
    /// the subscription comes from a configuration; [`Error::Database`].
    pub async fn delete(&self, access: Access<'_>, id: SubscriptionId) -> Result<(), Error> {
        let (_, source) = self.present(access, id).await?;
        refuse_configured(id, source)?;
        if let Some(store) = &self.store {
            return if store.delete(id).await? { Ok(()) } else { Err(not_found(id)) };
        }
        let write = Write::begin(&self.db).await?;
        let deleted = match write.delete(id).await {
            // Another writer deleted the subscription after `present` read it.
            Ok(false) => Err(not_found(id)),
            Ok(true) => Ok(()),
            Err(error) => Err(error),
        };
        write.finish(deleted).await
    }

    /// The URL and source of a subscription that the caller may see. A secret that can't be decrypted doesn't matter
    /// when the subscription is in thorn's table.
    async fn present(&self, access: Access<'_>, id: SubscriptionId) -> Result<(String, Option<String>), Error> {
        if self.store.is_some() {
            return self.get(access, id).await.map(|one| (one.destination.url, one.source));
        }
        find(&self.db, access, id).await.map(|row| (row.url, row.source))
    }

    pub(super) fn fields(&self) -> Fields<'_> {
        Fields::new(&*self.check, self.choices.as_deref())
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
        let updated = changed(before, &change, write.version, Timestamp::now());
        write.update(self.row(&updated)?).await?;
        Ok(updated)
    }

    pub(super) fn row(&self, subscription: &Subscription) -> Result<entity::ActiveModel, Error> {
        Ok(row::write(subscription, self.key.as_ref())?)
    }
}

/// A change that passed all checks.
struct CheckedChange {
    spec: SpecChange,
    enabled: Option<bool>,
}

/// Returns the subscription with the change applied.
fn changed(before: Subscription, change: &CheckedChange, version: i64, now: Timestamp) -> Subscription {
    let spec = change.spec.apply(before.spec());
    let is_enabled_again = before.disabled.is_some() && change.enabled == Some(true);
    let matches_others = is_enabled_again || spec.pattern != before.pattern || spec.filter != before.filter;
    Subscription {
        disabled: match (change.enabled, before.disabled.clone()) {
            (Some(true), _) => None,
            (Some(false), None) => Some(Disabled { at: now, reason: "disabled by a user".to_owned() }),
            (_, disabled) => disabled,
        },
        failing_since: before.failing_since.filter(|_| change.enabled != Some(true)),
        updated_at: now,
        version,
        matches_version: if matches_others { version } else { before.matches_version },
        ..before.with_spec(spec)
    }
}

/// Refuses to edit or delete a configured subscription, because the next start would restore it.
fn refuse_configured(id: SubscriptionId, source: Option<String>) -> Result<(), Error> {
    match source {
        None => Ok(()),
        Some(configuration) => Err(Error::Configured { id, configuration }),
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
