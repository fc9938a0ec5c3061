//! A user's request to create or change a subscription.

use std::fmt;

use serde_json::Value;

use crate::{headers::ExtraHeaders, spec::SpecDraft};

/// A subscription to create, as the user entered it.
///
/// [`Subscriptions::create`](super::Subscriptions::create) checks every field.
#[derive(Clone, Default)]
pub struct NewSubscription {
    /// The owner. `None` makes a global subscription; only operators should create these.
    pub owner: Option<String>,
    /// The names of the events to receive, as a [`Pattern`](crate::subscription::Pattern).
    pub pattern: String,
    /// A condition on the event's data, as the JSON of a [`Q`](crate::filter::Q). Null and `None` mean no
    /// filter. Conditions on earlier values (`now_…`, `changed`) are refused: an event doesn't carry these values.
    pub filter: Option<Value>,
    /// The URL that deliveries go to.
    pub url: String,
    /// The secret that signs the deliveries. If `None`, thorn generates a secret, unless `unsigned` is `true`.
    pub secret: Option<String>,
    /// Whether the subscription is unsigned, which means without a secret. Its deliveries carry no signature, so
    /// the receiver can't tell a delivery from a forged request. Default: `false`.
    pub unsigned: bool,
    /// The hash function of `Hook-HMAC`. Default: `sha256`.
    pub digest: Option<String>,
    /// How `Hook-HMAC` is computed, as a [`Signer`](crate::signing::Signer). Default: the setting `hmac_signer`.
    pub signer: Option<String>,
    /// The content type of the body. Default: `application/json`.
    pub content_type: Option<String>,
    /// Headers sent with each delivery: at most 16 headers and 8 KiB in total. `Hook-*`, `webhook-*` and framing
    /// headers are refused.
    pub headers: ExtraHeaders,
    /// The configuration that the subscription comes from; `None` if a user subscribes.
    pub source: Option<String>,
}

/// A change of a subscription; `None` leaves a field as it is.
#[derive(Clone, Default)]
pub struct SubscriptionChange {
    /// The names of the events to receive, as a [`Pattern`](crate::subscription::Pattern).
    pub pattern: Option<String>,
    /// A condition on the event's data. Null removes the filter.
    pub filter: Option<Value>,
    /// The URL that deliveries go to.
    pub url: Option<String>,
    /// The secret that signs the deliveries. A secret makes an unsigned subscription signed.
    pub secret: Option<String>,
    /// `true` removes the secret, see [`NewSubscription::unsigned`]. `false` changes nothing.
    pub unsigned: bool,
    /// The hash function of `Hook-HMAC`.
    pub digest: Option<String>,
    /// How `Hook-HMAC` is computed.
    pub signer: Option<String>,
    /// The content type of the body.
    pub content_type: Option<String>,
    /// The headers sent with each delivery. The list replaces all present headers; an empty list removes them.
    pub headers: Option<ExtraHeaders>,
    /// `Some(false)` disables the subscription. `Some(true)` enables it again, for whatever reason it was disabled.
    pub enabled: Option<bool>,
}

impl NewSubscription {
    /// The parts that a new subscription and a change check in the same way.
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
    /// The parts that a change and a new subscription check in the same way.
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
