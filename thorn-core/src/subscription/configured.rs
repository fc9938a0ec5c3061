//! Subscriptions that a deployment configures, in code or in a file.

mod file;

use std::fmt;

pub(crate) use self::file::{read, source_of};

use serde_json::Value;

use crate::{
    headers::ExtraHeaders,
    id::SubscriptionId,
    signing::{Digest, Signer},
    spec::{ContentType, Field, SpecDraft},
};

/// A subscription that stands in the application's code or in a file instead of being made by somebody.
///
/// It is kept as a row like any other, so that every worker serves it, and only its configuration can
/// change or delete it. `Debug` shows neither secret nor URL.
///
/// # Examples
///
/// ```
/// # async fn example(db: sea_orm::DatabaseConnection, secret: String) -> Result<(), thorn_core::Error> {
/// use thorn_core::{Thorn, subscription::ConfiguredSubscription};
///
/// let thorn = Thorn::builder(db)
///     .configured_subscriptions(
///         "blog",
///         [
///             ConfiguredSubscription::signed("article.*", "https://search.example/index", secret),
///             ConfiguredSubscription::unsigned("*", "https://audit.example/log").owner("alice"),
///         ],
///     )
///     .build()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ConfiguredSubscription {
    pub(super) pattern: String,
    pub(super) filter: Option<Value>,
    pub(super) url: String,
    pub(super) secret: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) digest: Digest,
    pub(super) signer: Option<Signer>,
    pub(super) content_type: ContentType,
    pub(super) headers: ExtraHeaders,
    pub(super) id: Option<SubscriptionId>,
}

impl ConfiguredSubscription {
    /// The parts that are checked as in any other subscription.
    pub(super) fn draft(&self) -> SpecDraft<'_> {
        SpecDraft {
            pattern: Some(&self.pattern),
            filter: self.filter.as_ref(),
            url: Some(&self.url),
            secret: self.secret.as_deref(),
            unsigned: self.secret.is_none(),
            digest: Some(self.digest.as_str()),
            signer: self.signer.map(Signer::as_str),
            content_type: Some(self.content_type.as_str()),
            headers: Some(&self.headers),
        }
    }

    /// One whose deliveries are signed with this secret. Everything is checked when it is configured.
    pub fn signed(pattern: impl Into<String>, url: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { secret: Some(secret.into()), ..Self::unsigned(pattern, url) }
    }

    /// One whose deliveries carry no signature, so that its receiver can't tell them from forged ones.
    pub fn unsigned(pattern: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            filter: None,
            url: url.into(),
            secret: None,
            owner: None,
            digest: Digest::default(),
            signer: None,
            content_type: ContentType::default(),
            headers: ExtraHeaders::default(),
            id: None,
        }
    }

    /// Hears of this owner's events and broadcasts only. Default: global, hears of everybody's.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Sets a condition on the event's data, as the JSON of a [`Q`](crate::filter::Q). Default: nothing.
    #[must_use]
    pub fn filter(mut self, filter: Value) -> Self {
        self.filter = Some(filter);
        self
    }

    /// The hash function of `Hook-HMAC`; default SHA-256.
    #[must_use]
    pub const fn digest(mut self, digest: Digest) -> Self {
        self.digest = digest;
        self
    }

    /// How `Hook-HMAC` is made; default the setting `hmac_signer`.
    #[must_use]
    pub const fn signer(mut self, signer: Signer) -> Self {
        self.signer = Some(signer);
        self
    }

    /// The form of the body; default JSON.
    #[must_use]
    pub const fn content_type(mut self, content_type: ContentType) -> Self {
        self.content_type = content_type;
        self
    }

    /// Adds a header to each delivery.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push(name.into(), value.into());
        self
    }

    /// Its id, in place of the one derived from source, owner, pattern, filter and URL. With an id of its own,
    /// a subscription stays the same when its pattern or URL changes.
    #[must_use]
    pub const fn id(mut self, id: SubscriptionId) -> Self {
        self.id = Some(id);
        self
    }
}

impl fmt::Debug for ConfiguredSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfiguredSubscription")
            .field("pattern", &self.pattern)
            .field("owner", &self.owner)
            .field("signed", &self.secret.is_some())
            .finish_non_exhaustive()
    }
}

/// The counts of what a configuration has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Configured {
    /// Subscriptions that are new, or there again.
    pub added: usize,
    /// Subscriptions that were changed; they are enabled again.
    pub changed: usize,
    /// Subscriptions that are no longer configured, and deleted.
    pub removed: usize,
    /// Subscriptions that stay as they are, disabled ones among them.
    pub unchanged: usize,
}

/// The name of a field in the file of subscriptions.
pub(super) const fn name_in_file(field: Field) -> &'static str {
    match field {
        Field::Pattern => "event",
        other => other.as_str(),
    }
}

/// The beginning of each mistake: where it is.
pub(super) fn place(index: usize, event: &str) -> String {
    let event: String = event.escape_debug().take(60).collect();
    if event.is_empty() { format!("entry {}", index + 1) } else { format!("entry {} (event `{event}`)", index + 1) }
}
