//! The recipient of a delivery.

use std::sync::Arc;

use crate::{
    id::SubscriptionId,
    spec::{Destination, Dialect},
    subscription::Subscription,
    tenant::Tenant,
};

/// The recipient of a delivery.
#[derive(Clone, Debug)]
pub(crate) enum Recipient {
    /// A subscription that matched the event.
    Subscribed(Arc<Subscription>),
    /// A subscription whose pattern matched the event. Its filter is too much work for the fan-out, so the delivery
    /// evaluates it.
    Undecided(Arc<Subscription>),
    /// A subscriber that the event brought. Only the event's row holds this subscriber, so it can't be disabled.
    OfEvent {
        /// The id that is sent as `Hook-Subscription`.
        id: SubscriptionId,
        /// The URL, signing and content type of the subscriber's deliveries.
        destination: Arc<Destination>,
        /// For whom the event brought it.
        tenant: Tenant,
    },
}

impl Recipient {
    /// The id that is sent as `Hook-Subscription`.
    pub(crate) fn id(&self) -> SubscriptionId {
        match self {
            Self::Subscribed(subscription) | Self::Undecided(subscription) => subscription.id,
            Self::OfEvent { id, .. } => *id,
        }
    }

    /// The URL, signing, content type and headers of the delivery.
    pub(crate) fn destination(&self) -> &Destination {
        match self {
            Self::Subscribed(subscription) | Self::Undecided(subscription) => &subscription.spec.destination,
            Self::OfEvent { destination, .. } => destination,
        }
    }

    /// The protocol of the deliveries. A recipient that the event brought has thorn's own.
    pub(crate) fn dialect(&self) -> Dialect {
        self.subscription().map(|subscription| subscription.spec.dialect).unwrap_or_default()
    }

    /// For whom deliveries to this recipient are made.
    pub(crate) fn tenant(&self) -> Tenant {
        match self {
            Self::Subscribed(subscription) | Self::Undecided(subscription) => Tenant::of(subscription.owner.as_deref()),
            Self::OfEvent { tenant, .. } => *tenant,
        }
    }

    /// Whether the delivery must evaluate the subscription's filter.
    pub(crate) const fn is_undecided(&self) -> bool {
        matches!(self, Self::Undecided(_))
    }

    /// The subscription, unless the event brought the recipient.
    pub(crate) fn subscription(&self) -> Option<&Subscription> {
        self.shared_subscription().map(Arc::as_ref)
    }

    /// The subscription as the registry holds it. An edit replaces it.
    pub(crate) const fn shared_subscription(&self) -> Option<&Arc<Subscription>> {
        match self {
            Self::Subscribed(subscription) | Self::Undecided(subscription) => Some(subscription),
            Self::OfEvent { .. } => None,
        }
    }
}
