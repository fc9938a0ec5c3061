//! A subscription as the API shows it.

use serde::Serialize;
use thorn_core::{SubscriptionId, Timestamp, subscription::Subscription};

/// A subscription as the API shows it. The secret is there only if this is the moment to show it.
#[derive(Serialize)]
pub(super) struct Representation<'a> {
    id: SubscriptionId,
    event: String,
    url: &'a str,
    content_type: &'static str,
    user: Option<&'a str>,
    hmac_digest: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hmac_secret: Option<&'a str>,
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
            url: &subscription.url,
            content_type: subscription.content_type.as_str(),
            user: subscription.owner.as_deref(),
            hmac_digest: subscription.digest.as_str(),
            hmac_secret: None,
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
        Self { hmac_secret: Some(subscription.secret.expose()), ..Self::new(subscription, link) }
    }
}
