//! Subscriptions in the database.

mod duplicate;
mod quotas;
mod update;

use std::sync::Arc;

use sea_orm::DatabaseConnection;

use super::{
    access::{Access, Page, find, find_page, not_found},
    change::NewSubscription,
    confirmation::{Confirm, Confirmation},
    entry::{Hold, Subscription},
    foreign_store::SubscriptionStore,
    row,
    write::Write,
};
use crate::{
    error::Error,
    id::SubscriptionId,
    intent::{Ended, notify_intents},
    signing::{Secret, SecretError, SecretKey, Signer, Signing},
    spec::{Dialect, Fields, Identity, Quotas, SpecDraft, SubscriptionSpec, UrlCheck, UrlScrutiny},
    tables::subscription::{ActiveModel, Model},
    tenant::Tenant,
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
///     .create(NewSubscription::new("article.*", "https://hooks.example/articles").owner("alice"))
///     .await?;
/// if let Some(secret) = &made.spec.destination.signing.secret {
///     println!("verify with {}", secret.expose());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Subscriptions {
    pub(crate) db: DatabaseConnection,
    check: Arc<dyn UrlCheck>,
    pub(crate) key: Option<SecretKey>,
    choices: Option<Arc<[String]>>,
    pub(crate) signer: Signer,
    quotas: Quotas,
    pub(super) confirm: Confirm,
    /// The store that replaces thorn's table, if the application has such a store.
    pub(crate) store: Option<Arc<dyn SubscriptionStore>>,
}

impl Subscriptions {
    /// The same subscriptions, read and written through other connections to the database.
    pub(crate) fn through(self, db: DatabaseConnection) -> Self {
        Self { db, ..self }
    }

    /// Uses the subscriptions in this database. A URL must pass `check`. With a `key`, secrets and headers are
    /// encrypted.
    #[must_use]
    pub fn new(db: DatabaseConnection, check: Arc<dyn UrlCheck>, key: Option<SecretKey>) -> Self {
        let (signer, quotas, confirm) = (Signer::default(), Quotas::default(), Confirm::default());
        Self { db, check, key, choices: None, signer, quotas, confirm, store: None }
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

    /// Sets the bounds on what one owner may have (`THORN_MAX_SUBSCRIPTIONS`, `THORN_MAX_SUBSCRIPTIONS_PER_HOST`,
    /// `THORN_MAX_HEADER_BYTES`, `THORN_MAX_FILTER_BYTES`).
    #[must_use]
    pub const fn with_quotas(mut self, quotas: Quotas) -> Self {
        self.quotas = quotas;
        self
    }

    /// Sets how owners' endpoints are asked whether they want deliveries (`THORN_CONFIRM`).
    #[must_use]
    pub const fn with_confirm(mut self, confirm: Confirm) -> Self {
        self.confirm = confirm;
        self
    }

    /// Keeps subscriptions in `store` instead of thorn's table. The store has bounds of its own, if any.
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
    /// URL and filter; [`Error::Quota`] if the owner has as many subscriptions as they may have; [`Error::Secret`] if a
    /// secret can't be generated or encrypted; [`Error::Database`]; with a store of the application's own, that store's
    /// error.
    pub async fn create(&self, new: NewSubscription) -> Result<Subscription, Error> {
        let new = self.checked(&new).await?;
        let at = |version| Subscription { created_version: version, version, matches_version: version, ..new.clone() };
        if let Some(store) = &self.store {
            return store.insert(&at).await;
        }
        let write = Write::begin(&self.db).await?;
        let made = at(write.version);
        let inserted = self.insert(&write, made).await;
        let made = write.finish(inserted).await?;
        if made.confirmation == Some(Confirmation::Pending) {
            notify_intents();
        }
        Ok(made)
    }

    async fn insert(&self, write: &Write, new: Subscription) -> Result<Subscription, Error> {
        let confirmation = self.required(&write.transaction, &new).await?;
        let new = Subscription { confirmation, ..new };
        // The row comes before the check of the quotas, because an owner without a free place should still learn that
        // the subscription is a duplicate.
        write.insert(self.row(&new)?).await?;
        self.check_quotas(&write.transaction, new.id, &row::identity(&new)).await?;
        if confirmation.is_some() {
            self.ask(&write.transaction, &new).await?;
        }
        Ok(new)
    }

    /// Checks a new subscription without storing it. Without thorn's table, an application's own store knows of
    /// duplicates and quotas, and the check doesn't cover them.
    ///
    /// # Errors
    ///
    /// [`Error::Subscription`] with every invalid field, or if the owner already has this subscription;
    /// [`Error::Quota`] if the owner has as many subscriptions as they may have; [`Error::Secret`] if a secret can't be
    /// generated; [`Error::Database`].
    pub async fn check(&self, new: &NewSubscription) -> Result<(), Error> {
        let checked = self.checked(new).await?;
        let identity = row::identity(&checked);
        self.refuse_duplicate(identity.clone(), None).await?;
        if self.store.is_some() { Ok(()) } else { self.check_quotas(&self.db, checked.id, &identity).await }
    }

    /// The subscription to insert, with version 0.
    async fn checked(&self, new: &NewSubscription) -> Result<Subscription, Error> {
        let is_owners = new.owner.is_some() && new.source.is_none();
        let mut fields = if is_owners { self.fields() } else { self.fields_of_operator() };
        let owner = fields.owner(new.owner.as_deref());
        let tenant = Tenant::of(new.owner.as_deref());
        let spec = tenant.has_done(new.spec.check_new(&mut fields, UrlScrutiny::Resolve, self.signer)).await;
        check_length(&mut fields, &new.spec, &Signing { signer: self.signer, ..Signing::default() });
        let source = fields.source(new.source.as_deref());
        let (Some(owner), Some(source), Some(mut spec)) = (owner, source, spec) else {
            return Err(fields.into_errors().into());
        };
        if !fields.is_valid() {
            let made = Subscription::new(SubscriptionId::generate(), owner, source, spec);
            return Err(self.with_duplicate(fields, row::identity(&made), None).await);
        }
        if new.spec.secret.is_none() && !new.spec.unsigned {
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
    /// can't be decrypted; [`Error::Database`]; with a store of the application's own, that store's error.
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
    /// secret or headers can't be decrypted; [`Error::Database`]; with a store of the application's own, that store's
    /// error.
    pub async fn get(&self, access: Access<'_>, id: SubscriptionId) -> Result<Subscription, Error> {
        let Some(store) = &self.store else {
            return row::read(find(&self.db, access, id).await?, self.key.as_ref());
        };
        let found = store.find(id).await?.filter(|one| access.may_see(one.owner.as_deref()));
        found.ok_or_else(|| not_found(id))
    }

    /// Deletes a subscription. Its deliveries stay in the history. Its secret, headers and filter are erased at once. Its
    /// URL and its row go once they are old enough and no delivery refers to them.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if the subscription doesn't exist or the caller may not see it; [`Error::Configured`] if
    /// the subscription comes from a configuration; [`Error::Database`]; with a store of the application's own, that
    /// store's error.
    pub async fn delete(&self, access: Access<'_>, id: SubscriptionId) -> Result<(), Error> {
        let present = self.present(access, id).await?;
        if let Some(ended) = present.of_hub() {
            return self.end_of_hub(id, ended).await;
        }
        refuse_configured(id, present.source)?;
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

    /// The present values of a subscription that the caller may see. When the subscription is in thorn's table, a
    /// secret that can't be decrypted counts as none here: a change may replace it.
    async fn present(&self, access: Access<'_>, id: SubscriptionId) -> Result<Present, Error> {
        if self.store.is_some() {
            let Subscription { spec, owner, source, held, paused_at, .. } = self.get(access, id).await?;
            let SubscriptionSpec { pattern, filter, destination, dialect, .. } = spec;
            return Ok(Present {
                owner,
                pattern: pattern.as_str().to_owned(),
                filter: filter.map(|filter| filter.to_string()),
                url: destination.url,
                signing: destination.signing,
                source,
                held,
                paused_at,
                dialect,
                topic: None,
            });
        }
        let row = find(&self.db, access, id).await?;
        let signing = Signing {
            secret: row::secret(&row, self.key.as_ref()).ok().flatten(),
            digest: row.digest.parse().unwrap_or_default(),
            signer: row.signer.parse().unwrap_or_default(),
        };
        let (held, paused_at) = (row::hold(&row), row.paused_at.map(Timestamp::from_millis));
        let dialect = row.dialect.parse().unwrap_or_default();
        let Model { owner, pattern, filter, url, source, topic_given: topic, .. } = row;
        Ok(Present { owner, pattern, filter, url, signing, source, held, paused_at, dialect, topic })
    }

    /// The rules for what an owner gives.
    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields::new(&*self.check, self.choices.as_deref(), self.quotas)
    }

    /// The rules for what an operator or a configuration gives: the bounds on owners don't hold.
    pub(super) fn fields_of_operator(&self) -> Fields<'_> {
        Fields::new(&*self.check, self.choices.as_deref(), Quotas::NONE)
    }

    pub(super) fn row(&self, subscription: &Subscription) -> Result<ActiveModel, Error> {
        Ok(row::write(subscription, self.key.as_ref())?)
    }
}

/// The values of a stored subscription that the check of a change needs.
struct Present {
    owner: Option<String>,
    pattern: String,
    /// The filter's canonical text.
    filter: Option<String>,
    url: String,
    signing: Signing,
    source: Option<String>,
    held: Option<Box<Hold>>,
    paused_at: Option<Timestamp>,
    dialect: Dialect,
    /// The topic of a hub's subscription, as the subscriber gave it.
    topic: Option<String>,
}

impl Present {
    /// A subscription of the hub, whose callback hears of its end.
    fn of_hub(&self) -> Option<Ended<'_>> {
        let (dialect, callback, reason) = (self.dialect, &*self.url, "the operator has ended the subscription");
        Some(Ended { dialect, topic: self.topic.as_deref()?, callback, reason })
    }

    /// Refuses a change of a subscription that its subscriber or a configuration decides about.
    fn refuse_change(&self, id: SubscriptionId) -> Result<(), Error> {
        let subscriber = self.topic.as_ref().map(|_| "hub".to_owned());
        refuse_configured(id, subscriber.or_else(|| self.source.clone()))
    }

    fn identity(&self) -> Identity<'_> {
        Identity {
            owner: self.owner.as_deref(),
            url: &self.url,
            pattern: &self.pattern,
            filter: self.filter.as_deref().map(Into::into),
            source: self.source.as_deref(),
        }
    }
}

/// Checks the length of the secret that a draft leads to. A secret and signer that stay as they are always pass.
fn check_length(fields: &mut Fields<'_>, draft: &SpecDraft, present: &Signing) {
    let signer = draft.signer.as_deref().and_then(|text| text.parse().ok()).unwrap_or(present.signer);
    let secret = match &draft.secret {
        None if draft.unsigned => &None,
        None => &present.secret,
        given => given,
    };
    if (secret, signer) != (&present.secret, present.signer)
        && let Some(secret) = secret
    {
        fields.long_enough(secret, signer);
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
