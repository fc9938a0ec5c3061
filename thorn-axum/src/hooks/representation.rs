//! A subscription as the API shows it.

use serde::Serialize;
use thorn_core::{SubscriptionId, Timestamp, filter::Q, subscription::Subscription};

/// A subscription as the API shows it. The secret is there only if this is the moment to show it, and
/// of its headers, which may be credentials too, their names.
#[derive(Serialize)]
pub(super) struct Representation<'a> {
    id: SubscriptionId,
    event: String,
    filter: Option<&'a Q>,
    url: &'a str,
    content_type: &'static str,
    user: Option<&'a str>,
    hmac_digest: &'static str,
    hmac_signer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hmac_secret: Option<&'a str>,
    header_names: Vec<&'a str>,
    /// The configuration it comes from; it can't be changed here.
    #[serde(skip_serializing_if = "Option::is_none")]
    configured: Option<&'a str>,
    enabled: bool,
    disabled_reason: Option<&'a str>,
    failing_since: Option<Timestamp>,
    created_at: Timestamp,
    updated_at: Timestamp,
    subscription: String,
}

impl<'a> Representation<'a> {
    /// Without the secret.
    pub(super) fn new(subscription: &'a Subscription, link: String) -> Self {
        Self {
            id: subscription.id,
            event: subscription.pattern.to_string(),
            filter: subscription.filter.as_ref(),
            url: &subscription.destination.url,
            content_type: subscription.destination.content_type.as_str(),
            user: subscription.owner.as_deref(),
            hmac_digest: subscription.destination.signing.digest.as_str(),
            hmac_signer: subscription.destination.signing.signer.as_str(),
            hmac_secret: None,
            header_names: subscription.destination.headers.names().collect(),
            configured: subscription.source.as_deref(),
            enabled: subscription.disabled.is_none(),
            disabled_reason: subscription.disabled.as_ref().map(|disabled| disabled.reason.as_str()),
            failing_since: subscription.failing_since,
            created_at: subscription.created_at,
            updated_at: subscription.updated_at,
            subscription: link,
        }
    }

    /// With the secret: for who has just created it.
    pub(super) fn with_secret(subscription: &'a Subscription, link: String) -> Self {
        let secret = subscription.destination.signing.secret.as_ref().map(|secret| secret.expose());
        Self { hmac_secret: secret, ..Self::new(subscription, link) }
    }
}
