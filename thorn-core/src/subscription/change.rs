//! A user's request: a new subscription, or a change of one.

use std::fmt;

use serde_json::Value;

use crate::{headers::ExtraHeaders, spec::SpecDraft};

/// A subscription to be made, as somebody typed it. It is checked by
/// [`Subscriptions::create`](super::Subscriptions::create).
#[derive(Clone, Default)]
pub struct NewSubscription {
    /// The owner; `None` makes a global one, which only an operator should.
    pub owner: Option<String>,
    /// The events it asks for, as a [`Pattern`](crate::subscription::Pattern).
    pub pattern: String,
    /// A condition on the event's data, as the JSON of a [`Q`](crate::filter::Q); null and `None` are no
    /// filter. It can't ask for earlier values (`now_…`, `changed`), which an event doesn't carry.
    pub filter: Option<Value>,
    /// The URL that deliveries go to.
    pub url: String,
    /// The secret that they are signed with; generated if `None`.
    pub secret: Option<String>,
    /// Makes an unsigned one, without a secret: its deliveries carry no signature, so a receiver can't
    /// tell them from forged ones. Default `false`.
    pub unsigned: bool,
    /// The hash function of `Hook-HMAC`; default `sha256`.
    pub digest: Option<String>,
    /// How `Hook-HMAC` is made, as a [`Signer`](crate::signing::Signer); default the setting `hmac_signer`.
    pub signer: Option<String>,
    /// The form of the body; default `application/json`.
    pub content_type: Option<String>,
    /// Headers sent with each delivery: at most 16, of 8 KiB in all. `Hook-*`, `webhook-*` and framing
    /// headers are refused.
    pub headers: ExtraHeaders,
    /// Which configuration it comes from; `None` if somebody subscribes.
    pub source: Option<String>,
}

/// A change of a subscription; `None` leaves a field as it is.
#[derive(Clone, Default)]
pub struct SubscriptionChange {
    /// The events it asks for, as a [`Pattern`](crate::subscription::Pattern).
    pub pattern: Option<String>,
    /// A condition on the event's data; null takes the filter away.
    pub filter: Option<Value>,
    /// The URL that deliveries go to.
    pub url: Option<String>,
    /// The secret that they are signed with; it makes an unsigned subscription a signed one.
    pub secret: Option<String>,
    /// `true` takes the secret away, see [`NewSubscription::unsigned`].
    pub unsigned: bool,
    /// The hash function of `Hook-HMAC`.
    pub digest: Option<String>,
    /// How `Hook-HMAC` is made.
    pub signer: Option<String>,
    /// The form of the body.
    pub content_type: Option<String>,
    /// Headers sent with each delivery, in place of all there were; empty for none.
    pub headers: Option<ExtraHeaders>,
    /// `Some(false)` silences it, `Some(true)` lets it hear again, whatever had disabled it.
    pub enabled: Option<bool>,
}

impl NewSubscription {
    /// The parts that are checked alike in a change.
    pub(super) fn draft(&self) -> SpecDraft<'_> {
        SpecDraft {
            pattern: Some(&self.pattern),
            filter: self.filter.as_ref(),
            url: Some(&self.url),
            secret: self.secret.as_deref(),
            unsigned: self.unsigned,
            digest: self.digest.as_deref(),
            signer: self.signer.as_deref(),
            content_type: self.content_type.as_deref(),
            headers: Some(&self.headers),
        }
    }
}

impl SubscriptionChange {
    /// The parts that are checked alike in a new subscription.
    pub(super) fn draft(&self) -> SpecDraft<'_> {
        SpecDraft {
            pattern: self.pattern.as_deref(),
            filter: self.filter.as_ref(),
            url: self.url.as_deref(),
            secret: self.secret.as_deref(),
            unsigned: self.unsigned,
            digest: self.digest.as_deref(),
            signer: self.signer.as_deref(),
            content_type: self.content_type.as_deref(),
            headers: self.headers.as_ref(),
        }
    }
}

impl fmt::Debug for NewSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewSubscription")
            .field("owner", &self.owner)
            .field("pattern", &self.pattern)
            .field("filter", &self.filter)
            .field("url", &self.url)
            .field("secret", &self.secret.as_ref().map(|_| "…"))
            .field("unsigned", &self.unsigned)
            .field("digest", &self.digest)
            .field("signer", &self.signer)
            .field("content_type", &self.content_type)
            .field("headers", &self.headers)
            .field("source", &self.source)
            .finish()
    }
}

impl fmt::Debug for SubscriptionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionChange")
            .field("pattern", &self.pattern)
            .field("filter", &self.filter)
            .field("url", &self.url)
            .field("secret", &self.secret.as_ref().map(|_| "…"))
            .field("unsigned", &self.unsigned)
            .field("digest", &self.digest)
            .field("signer", &self.signer)
            .field("content_type", &self.content_type)
            .field("headers", &self.headers)
            .field("enabled", &self.enabled)
            .finish()
    }
}
