//! Subscriptions that a deployment configures, in code or in a file.

mod file;

use std::fmt;

pub(crate) use self::file::{read, source_of};

use crate::{
    id::SubscriptionId,
    signing::Secret,
    spec::{Field, SpecDraft, spec_setters},
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
    pub(super) spec: SpecDraft,
    pub(super) owner: Option<String>,
    pub(super) id: Option<SubscriptionId>,
}

impl ConfiguredSubscription {
    /// A subscription whose deliveries are signed with this secret. Thorn checks all values when it applies the
    /// configuration.
    pub fn signed(pattern: impl Into<String>, url: impl Into<String>, secret: impl Into<String>) -> Self {
        Self::with(pattern.into(), url.into(), SpecDraft { secret: Some(Secret::new(secret)), ..SpecDraft::default() })
    }

    /// A subscription whose deliveries carry no signature. The receiver can't tell a delivery from a forged request.
    pub fn unsigned(pattern: impl Into<String>, url: impl Into<String>) -> Self {
        Self::with(pattern.into(), url.into(), SpecDraft { unsigned: true, ..SpecDraft::default() })
    }

    fn with(pattern: String, url: String, spec: SpecDraft) -> Self {
        Self { spec: SpecDraft { pattern: Some(pattern), url: Some(url), ..spec }, owner: None, id: None }
    }

    /// Sets the owner. The subscription then receives only the owner's events and broadcasts. Default: no owner, which
    /// makes a global subscription that receives every sender's events.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Sets the id. Default: an id derived from the source, owner, pattern, filter and URL. With an explicit id, the
    /// subscription stays the same when its pattern or URL changes.
    #[must_use]
    pub const fn id(mut self, id: SubscriptionId) -> Self {
        self.id = Some(id);
        self
    }

    spec_setters!();
}

impl fmt::Debug for ConfiguredSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfiguredSubscription")
            .field("pattern", &self.spec.pattern)
            .field("owner", &self.owner)
            .field("signed", &self.spec.secret.is_some())
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
