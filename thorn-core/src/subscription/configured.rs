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

/// A subscription that is defined in the application's code or in a file.
///
/// Thorn stores the subscription as a row like any other, so every worker serves it. Only the configuration can
/// change or delete the subscription. `Debug` shows neither the secret nor the URL.
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
    /// The parts that are checked in the same way for every subscription.
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

    /// A subscription whose deliveries are signed with this secret. Thorn checks all values when it applies the
    /// configuration.
    pub fn signed(pattern: impl Into<String>, url: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { secret: Some(secret.into()), ..Self::unsigned(pattern, url) }
    }

    /// A subscription whose deliveries carry no signature. The receiver can't tell a delivery from a forged request.
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

    /// Sets the owner. The subscription then receives only the owner's events and broadcasts. Default: no owner, which
    /// makes a global subscription that receives every sender's events.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Sets a condition on the event's data, as the JSON of a [`Q`](crate::filter::Q). Default: no filter.
    #[must_use]
    pub fn filter(mut self, filter: Value) -> Self {
        self.filter = Some(filter);
        self
    }

    /// Sets the hash function of `Hook-HMAC`. Default: SHA-256.
    #[must_use]
    pub const fn digest(mut self, digest: Digest) -> Self {
        self.digest = digest;
        self
    }

    /// Sets how `Hook-HMAC` is computed. Default: the setting `hmac_signer`.
    #[must_use]
    pub const fn signer(mut self, signer: Signer) -> Self {
        self.signer = Some(signer);
        self
    }

    /// Sets the content type of the body. Default: JSON.
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

    /// Sets the id. Default: an id derived from the source, owner, pattern, filter and URL. With an explicit id, the
    /// subscription stays the same when its pattern or URL changes.
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

/// The number of subscriptions that a configuration has added, changed, removed and left unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Configured {
    /// Subscriptions that are new, or were deleted and are configured again.
    pub added: usize,
    /// Subscriptions that were changed. A change also enables a disabled subscription.
    pub changed: usize,
    /// Subscriptions that were deleted because they are no longer configured.
    pub removed: usize,
    /// Subscriptions that stay as they are, including disabled subscriptions.
    pub unchanged: usize,
}

/// The name of a field in the file of subscriptions.
pub(super) const fn name_in_file(field: Field) -> &'static str {
    match field {
        Field::Pattern => "event",
        other => other.as_str(),
    }
}

/// The beginning of an error message, which names the entry.
pub(super) fn place(index: usize, event: &str) -> String {
    let event: String = event.escape_debug().take(60).collect();
    if event.is_empty() { format!("entry {}", index + 1) } else { format!("entry {} (event `{event}`)", index + 1) }
}
