//! The recipient of a delivery.

use std::sync::Arc;

use crate::{id::SubscriptionId, spec::Destination, subscription::Subscription};

/// The recipient of a delivery.
#[derive(Clone, Debug)]
pub(crate) enum Recipient {
    /// A subscription that matched the event.
    Subscribed(Arc<Subscription>),
    /// A subscriber that the event brought. Only the event's row holds this subscriber, so it can't be disabled.
    OfEvent {
        /// The id that is sent as `Hook-Subscription`.
        id: SubscriptionId,
        /// The URL, signing and content type of the subscriber's deliveries.
        destination: Arc<Destination>,
    },
}

impl Recipient {
    /// The id that is sent as `Hook-Subscription`.
    pub(crate) fn id(&self) -> SubscriptionId {
        match self {
            Self::Subscribed(subscription) => subscription.id,
            Self::OfEvent { id, .. } => *id,
        }
    }

    /// The URL, signing, content type and headers of the delivery.
    pub(crate) fn destination(&self) -> &Destination {
        match self {
            Self::Subscribed(subscription) => &subscription.destination,
            Self::OfEvent { destination, .. } => destination,
        }
    }

    /// The subscription, unless the event brought the recipient.
    pub(crate) fn subscription(&self) -> Option<&Subscription> {
        match self {
            Self::Subscribed(subscription) => Some(subscription),
            Self::OfEvent { .. } => None,
        }
    }
}
