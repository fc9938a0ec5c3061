//! A user's request to create or change a subscription.

use crate::{
    signing::Secret,
    spec::{SpecDraft, spec_setters},
};

/// A subscription to create, as the user entered it.
///
/// [`Subscriptions::create`](super::Subscriptions::create) checks every field.
///
/// # Examples
///
/// ```
/// use thorn_core::{signing::Digest, subscription::NewSubscription};
///
/// let new = NewSubscription::new("article.*", "https://hooks.example/articles").owner("alice").digest(Digest::Sha512);
/// assert_eq!(new.spec.pattern.as_deref(), Some("article.*"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct NewSubscription {
    /// The owner. `None` makes a global subscription; only operators should create these.
    pub owner: Option<String>,
    /// Which events go where, as the user entered it.
    pub spec: SpecDraft,
    /// The configuration that the subscription comes from; `None` if a user subscribes.
    pub source: Option<String>,
}

/// A change of a subscription. Parts of the spec that are left out stay as they are.
///
/// # Examples
///
/// ```
/// use thorn_core::subscription::SubscriptionChange;
///
/// let change = SubscriptionChange::default().pattern("article.created").enabled(true);
/// assert_eq!((change.spec.url, change.enabled), (None, Some(true)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct SubscriptionChange {
    /// The new values of the spec's parts. If the URL's scheme, host or port changes, the present headers are dropped
    /// unless the spec gives them anew: they may be credentials for the former host.
    pub spec: SpecDraft,
    /// `Some(false)` disables the subscription. `Some(true)` enables it again, for whatever reason it was disabled.
    /// `None` does neither.
    pub enabled: Option<bool>,
    /// `Some(true)` pauses the subscription: its deliveries are kept. `Some(false)` resumes it. `None` does neither.
    pub paused: Option<bool>,
    /// Whether kept deliveries are delivered or discarded if the change resumes the subscription. Default: delivered.
    pub kept: Kept,
}

/// The fate of the deliveries that a paused subscription has kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// They are delivered.
    #[default]
    Deliver,
    /// They are cancelled, and so are all other deliveries of the subscription that wait.
    Discard,
}

impl NewSubscription {
    /// A global subscription of the events that `pattern` matches, with a generated secret.
    pub fn new(pattern: impl Into<String>, url: impl Into<String>) -> Self {
        let spec = SpecDraft { pattern: Some(pattern.into()), url: Some(url.into()), ..SpecDraft::default() };
        Self { spec, ..Self::default() }
    }

    /// Sets the owner. Default: no owner, which makes a global subscription.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.owner = Some(owner.into());
        self
    }

    /// Sets the secret. Default: thorn generates a secret.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.spec.secret = Some(Secret::new(secret));
        self
    }

    /// Makes the subscription unsigned, see [`SpecDraft::unsigned`].
    #[must_use]
    pub const fn unsigned(mut self) -> Self {
        self.spec.unsigned = true;
        self
    }

    spec_setters!();
}

impl SubscriptionChange {
    /// Sets which events to receive, as a [`Pattern`](super::Pattern).
    #[must_use]
    pub fn pattern(mut self, pattern: impl Into<String>) -> Self {
        self.spec.pattern = Some(pattern.into());
        self
    }

    /// Sets the URL that deliveries go to.
    #[must_use]
    pub fn url(mut self, url: impl Into<String>) -> Self {
        self.spec.url = Some(url.into());
        self
    }

    /// Sets the secret. An unsigned subscription becomes signed.
    #[must_use]
    pub fn secret(mut self, secret: impl Into<String>) -> Self {
        self.spec.secret = Some(Secret::new(secret));
        self
    }

    /// Removes the secret, see [`SpecDraft::unsigned`].
    #[must_use]
    pub const fn unsigned(mut self) -> Self {
        self.spec.unsigned = true;
        self
    }

    /// Pauses the subscription: its deliveries are kept until it is resumed.
    #[must_use]
    pub const fn pause(mut self) -> Self {
        self.paused = Some(true);
        self
    }

    /// Resumes a paused subscription.
    #[must_use]
    pub const fn resume(mut self, kept: Kept) -> Self {
        (self.paused, self.kept) = (Some(false), kept);
        self
    }

    /// Enables or disables the subscription.
    #[must_use]
    pub const fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = Some(enabled);
        self
    }

    spec_setters!();
}
