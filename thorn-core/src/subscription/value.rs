//! A subscription as the rest of thorn sees it.

use crate::{
    filter::Q,
    headers::ExtraHeaders,
    id::SubscriptionId,
    pattern::Pattern,
    signing::{Digest, Secret, Signer},
    spec::ContentType,
    timestamp::Timestamp,
};

/// Somebody's wish to hear of the events that a pattern means, at a URL.
///
/// `Debug` shows neither the secret nor the headers' values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its identifier.
    pub id: SubscriptionId,
    /// Whose it is. `None` is a global subscription, made by an operator.
    pub owner: Option<String>,
    /// Which events it hears of.
    pub pattern: Pattern,
    /// What must hold of their data, if anything must.
    pub filter: Option<Q>,
    /// Where deliveries go, exactly as it was given.
    pub url: String,
    /// What deliveries are signed with. `None` is an unsigned subscription, whose deliveries carry no
    /// signature at all; only code that says so makes one.
    pub secret: Option<Secret>,
    /// The hash function of `Hook-HMAC`.
    pub digest: Digest,
    /// How `Hook-HMAC` is made.
    pub signer: Signer,
    /// The form of the body.
    pub content_type: ContentType,
    /// Headers sent with each delivery. The event's of the same name win over them, thorn's own over both.
    pub headers: ExtraHeaders,
    /// Which configuration it comes from; `None` if somebody subscribed.
    pub source: Option<String>,
    /// Since when and why it hears nothing; `None` while it is enabled.
    pub disabled: Option<Disabled>,
    /// Since when no delivery to it has succeeded though some have failed for good; `None` while
    /// some do.
    pub failing_since: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The registry's version that brought it; 0 if an event brought it, see [`Subscriber`](crate::subscription::Subscriber).
    pub created_version: i64,
    /// The registry's version that last changed it.
    pub version: i64,
    /// The registry's version that last changed which events it hears of: by its pattern, its filter,
    /// or by enabling it.
    pub hears_version: i64,
}

/// Why a subscription hears nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// For a person.
    pub reason: String,
}

impl Subscription {
    /// Whether it is one event's own subscriber, which no table but the event's knows.
    pub(crate) const fn is_of_event(&self) -> bool {
        self.version == 0
    }

    /// Whether it hears of an event: it is enabled, its pattern means the event, and the event is
    /// for it. That is one with this subscription's owner as sender, and any broadcast. A global
    /// subscription hears whatever the sender. An event with neither sender nor `broadcast` is for
    /// global subscriptions only, so that nothing leaks from one owner to another by omission.
    ///
    /// The filter comes on top; it is asked when the event's data is at hand.
    #[must_use]
    pub fn hears(&self, event: &str, sender: Option<&str>, broadcast: bool) -> bool {
        self.disabled.is_none() && self.is_for(sender, broadcast) && self.pattern.matches(event)
    }

    /// Whether an event of this sender is for its owner.
    pub(super) fn is_for(&self, sender: Option<&str>, broadcast: bool) -> bool {
        match &self.owner {
            None => true,
            Some(owner) => broadcast || sender == Some(owner),
        }
    }
}
