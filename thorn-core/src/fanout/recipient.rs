//! Whom a delivery goes to.

use std::sync::Arc;

use crate::{id::SubscriptionId, spec::Destination, subscription::Subscription};

/// Whom a delivery goes to.
#[derive(Clone, Debug)]
pub(crate) enum Recipient {
    /// A subscription that matched the event.
    Subscribed(Arc<Subscription>),
    /// A subscriber that the event brought. Only the event's row knows it, so it can't be disabled.
    OfEvent {
        /// The id that goes along as `Hook-Subscription`.
        id: SubscriptionId,
        /// Where and how its deliveries go.
        destination: Arc<Destination>,
    },
}

impl Recipient {
    /// The id that goes along as `Hook-Subscription`.
    pub(crate) fn id(&self) -> SubscriptionId {
        match self {
            Self::Subscribed(subscription) => subscription.id,
            Self::OfEvent { id, .. } => *id,
        }
    }

    /// Where and how the delivery goes.
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
