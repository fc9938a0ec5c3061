//! The JSON of a subscription.

use serde::Serialize;
use thorn_core::{
    SubscriptionId,
    attempt::Outcome,
    filter::Q,
    history::Held,
    subscription::{Access, Confirmation, MaxInFlight, Subscription},
    timestamp::Timestamp,
};

/// The JSON of a subscription.
///
/// Headers may hold credentials, so only their names are shown.
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
    rate: Option<String>,
    max_in_flight: Option<usize>,
    dialect: &'static str,
    /// The configuration that defines the subscription. Callers can't change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    configured: Option<&'a str>,
    /// The topic and the end of a subscription of the hub. Only its subscriber can change it.
    #[serde(flatten)]
    of_hub: Option<OfHub<'a>>,
    enabled: bool,
    disabled_reason: Option<&'a str>,
    paused: bool,
    paused_at: Option<Timestamp>,
    failing_since: Option<Timestamp>,
    held_until: Option<Timestamp>,
    held: Option<Held>,
    /// Whether the endpoint wants the deliveries; null if it needn't say so.
    confirmation: Option<&'static str>,
    /// Nothing that the endpoint has answered is shown, only whether and how the question failed.
    confirmation_outcome: Option<&'static str>,
    created_at: Timestamp,
    updated_at: Timestamp,
    subscription: String,
}

/// Fields that only subscriptions of the hub have.
#[derive(Serialize)]
struct OfHub<'a> {
    dialect: &'static str,
    topic: &'a str,
    expires_at: Timestamp,
}

impl<'a> Representation<'a> {
    /// Shows what this caller may see, and leaves the secret out.
    pub(super) fn new(access: Access<'_>, subscription: &'a Subscription, url: String) -> Self {
        Self {
            id: subscription.id,
            event: subscription.spec.pattern.to_string(),
            filter: subscription.spec.filter.as_ref(),
            url: &subscription.spec.destination.url,
            content_type: subscription.spec.destination.content_type.as_str(),
            user: subscription.owner.as_deref(),
            hmac_digest: subscription.spec.destination.signing.digest.as_str(),
            hmac_signer: subscription.spec.destination.signing.signer.as_str(),
            hmac_secret: None,
            header_names: subscription.spec.destination.headers.names().collect(),
            rate: subscription.spec.rate.map(|rate| rate.to_string()),
            max_in_flight: subscription.spec.max_in_flight.map(MaxInFlight::get),
            dialect: subscription.spec.dialect.as_str(),
            configured: subscription.source.as_deref(),
            of_hub: subscription.lease.as_ref().map(|lease| OfHub {
                dialect: subscription.spec.dialect.as_str(),
                topic: &lease.topic_given,
                expires_at: lease.expires_at,
            }),
            enabled: subscription.disabled.is_none(),
            disabled_reason: subscription.disabled.as_ref().map(|disabled| disabled.reason.as_str()),
            paused: subscription.paused_at.is_some(),
            paused_at: subscription.paused_at,
            failing_since: subscription.failing_since,
            held_until: subscription.held.as_ref().map(|hold| hold.until),
            held: subscription.held.as_ref().map(|hold| Held::new(hold, access)),
            confirmation: subscription.confirmation.map(Confirmation::as_str),
            confirmation_outcome: subscription.confirmation.and_then(Confirmation::outcome).map(Outcome::as_str),
            created_at: subscription.created_at,
            updated_at: subscription.updated_at,
            subscription: url,
        }
    }

    /// Includes the secret, for the answer to the caller that has just created the subscription.
    pub(super) fn with_secret(access: Access<'_>, subscription: &'a Subscription, url: String) -> Self {
        let secret = subscription.spec.destination.signing.secret.as_ref().map(|secret| secret.expose());
        Self { hmac_secret: secret, ..Self::new(access, subscription, url) }
    }
}
