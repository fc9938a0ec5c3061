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
    spec::{Fields, SpecChange, SubscriptionSpec, UrlCheck, UrlScrutiny},
    tables::subscription as entity,
    timestamp::Timestamp,
};

/// The subscriptions in the database: makes, lists, changes and deletes them.
///
/// Every write is one transaction: either all of it is right, or nothing is written.
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
    /// In place of the table.
    pub(crate) store: Option<Arc<dyn SubscriptionStore>>,
}

impl Subscriptions {
    /// The subscriptions in this database. URLs must pass the check; secrets and headers are
    /// encrypted if there is a key.
    #[must_use]
    pub fn new(db: DatabaseConnection, check: Arc<dyn UrlCheck>, key: Option<SecretKey>) -> Self {
        Self { db, check, key, choices: None, signer: Signer::default(), store: None }
    }

    /// Refuses patterns that mean none of these events (`THORN_EVENT_CHOICES`).
    #[must_use]
    pub fn with_event_choices(mut self, choices: Vec<String>) -> Self {
        self.choices = Some(choices.into());
        self
    }

    /// How new subscriptions' `Hook-HMAC` is made unless they say so themselves (`THORN_HMAC_SIGNER`).
    #[must_use]
    pub const fn with_signer(mut self, signer: Signer) -> Self {
        self.signer = signer;
        self
    }

    /// Keeps subscriptions there instead of in thorn's table.
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn SubscriptionStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Makes a subscription, with a generated secret if none is given.
    ///
    /// # Errors
    ///
    /// [`Error::Subscription`] with every field that is wrong, or if the owner already has one of
    /// this event, URL and filter; [`Error::Secret`] if none can be made; [`Error::Database`].
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

    /// Checks a new subscription without writing it. Whether the owner already has an equal one isn't
    /// checked.
    ///
    /// # Errors
    ///
    /// [`Error::Subscription`] with every field that is wrong; [`Error::Secret`] if no secret can be
    /// generated.
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

    /// One page of the subscriptions, by URL, the newest first within one URL.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no `page.after`; [`Error::Secret`] if one can't be
    /// decrypted; [`Error::Database`].
    pub async fn list(&self, access: Access<'_>, page: Page) -> Result<Vec<Subscription>, Error> {
        if let Some(store) = &self.store {
            return store.list(access, page).await;
        }
        let rows = find_page(&self.db, access, page).await?;
        rows.into_iter().map(|row| row::read(row, self.key.as_ref())).collect()
    }

    /// One subscription.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is none, or it is somebody else's; [`Error::Secret`] if it
    /// can't be decrypted; [`Error::Database`].
    pub async fn get(&self, access: Access<'_>, id: SubscriptionId) -> Result<Subscription, Error> {
        let Some(store) = &self.store else {
            return row::read(find(&self.db, access, id).await?, self.key.as_ref());
        };
        let found = store.find(id).await?.filter(|one| access.may_see(one.owner.as_deref()));
        found.ok_or_else(|| not_found(id))
    }

    /// Changes a subscription. A field that `change` doesn't name stays as it is. A configured
    /// subscription can be enabled and disabled here, and nothing else.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is none, or it is somebody else's; [`Error::Configured`];
    /// [`Error::Subscription`] with every field that is wrong; [`Error::Secret`] if the old secret or headers can't be decrypted
    /// and no new ones are given; [`Error::Database`].
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

    /// Checks a change without writing it. Whether the owner already has a subscription equal to the
    /// changed one isn't checked.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is none, or it is somebody else's; [`Error::Configured`];
    /// [`Error::Subscription`] with every field that is wrong; [`Error::Database`].
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

    /// Deletes a subscription. Its deliveries stay in the history; its secret and headers
    /// are wiped.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is none, or it is somebody else's; [`Error::Configured`];
    /// [`Error::Database`].
    pub async fn delete(&self, access: Access<'_>, id: SubscriptionId) -> Result<(), Error> {
        let (_, source) = self.present(access, id).await?;
        refuse_configured(id, source)?;
        if let Some(store) = &self.store {
            return if store.delete(id).await? { Ok(()) } else { Err(not_found(id)) };
        }
        let write = Write::begin(&self.db).await?;
        let deleted = match write.delete(id).await {
            // Somebody else was faster.
            Ok(false) => Err(not_found(id)),
            Ok(true) => Ok(()),
            Err(error) => Err(error),
        };
        write.finish(deleted).await
    }

    /// URL and source of one that may be seen, also if its secret can't be read.
    async fn present(&self, access: Access<'_>, id: SubscriptionId) -> Result<(String, Option<String>), Error> {
        if self.store.is_some() {
            return self.get(access, id).await.map(|one| (one.destination.url, one.source));
        }
        find(&self.db, access, id).await.map(|row| (row.url, row.source))
    }

    pub(super) fn fields(&self) -> Fields<'_> {
        Fields::new(&*self.check, self.choices.as_deref())
    }

    /// Applies the change to what the row is now: since it was read first, another writer may have
    /// been here.
    async fn apply(
        &self,
        write: &Write,
        access: Access<'_>,
        id: SubscriptionId,
        change: CheckedChange,
    ) -> Result<Subscription, Error> {
        let row = find(&write.transaction, access, id).await?;
        // New ones mend a subscription whose old ones can't be read.
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

/// A change whose every field is right.
struct CheckedChange {
    spec: SpecChange,
    enabled: Option<bool>,
}

/// The subscription with the change.
fn changed(before: Subscription, change: &CheckedChange, version: i64, now: Timestamp) -> Subscription {
    let spec = change.spec.apply(before.spec());
    let is_enabled_again = before.disabled.is_some() && change.enabled == Some(true);
    let matches_others = is_enabled_again || spec.pattern != before.pattern || spec.filter != before.filter;
    let SubscriptionSpec { pattern, filter, destination } = spec;
    Subscription {
        pattern,
        filter,
        destination,
        disabled: match (change.enabled, before.disabled) {
            (Some(true), _) => None,
            (Some(false), None) => Some(Disabled { at: now, reason: "disabled by a user".to_owned() }),
            (_, disabled) => disabled,
        },
        failing_since: before.failing_since.filter(|_| change.enabled != Some(true)),
        updated_at: now,
        version,
        matches_version: if matches_others { version } else { before.matches_version },
        ..before
    }
}

/// Refuses to delete a configured subscription, which would come back with the next start.
fn refuse_configured(id: SubscriptionId, source: Option<String>) -> Result<(), Error> {
    match source {
        None => Ok(()),
        Some(configuration) => Err(Error::Configured { id, configuration }),
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests;
