//! Typed identifiers, so that an event is never mistaken for a delivery.

use std::{fmt, str::FromStr};

use sea_orm::prelude::Uuid;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is known to name such a thing.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The plain UUID.
            #[must_use]
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }
    };
}

typed_id!(
    /// Identifies one event; a UUIDv7, so ids sort by time of creation.
    EventId
);
typed_id!(
    /// Identifies one subscription.
    SubscriptionId
);
typed_id!(
    /// Identifies one delivery: one event on its way to one subscription.
    ///
    /// It is derived from both, so every attempt, retry and takeover carries the same id,
    /// and a receiver that remembers the ids it has seen handles each delivery once.
    DeliveryId
);

impl EventId {
    /// A fresh id, ordered after all that this process made before.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// The one id of thorn's own event about a delivery of this event.
    pub(crate) fn about(delivery: DeliveryId, of: Self) -> Self {
        Self(derived(of, delivery.0))
    }
}

impl SubscriptionId {
    /// A fresh id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl DeliveryId {
    /// The one id of this event's delivery to this subscription (a UUIDv8: the event's time and place
    /// in it, then a hash of both, so that rows of one time lie together in the index).
    #[must_use]
    pub fn derive(event: EventId, subscription: SubscriptionId) -> Self {
        Self(derived(event, subscription.0))
    }
}

/// A UUIDv8 of the event's millisecond, the low 12 bits of its number therein, and 62 bits of a hash of
/// both. Without the number, the many events that a busy millisecond has would be strewn over pages.
fn derived(event: EventId, other: Uuid) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(event.0.as_bytes());
    hash.update(other.as_bytes());
    let event = event.0.as_bytes();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&event[..6]);
    // A UUIDv7 of ours counts in 42 bits, which end here (RFC 9562, section 6.2, method 1); the upper
    // four of these sixteen give way to the version.
    bytes[6..8].copy_from_slice(&event[10..12]);
    bytes[8..].copy_from_slice(&hash.finalize()[..8]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_id_is_stable_and_tells_its_parents_apart() {
        let (event, other) = (EventId::generate(), EventId::generate());
        let subscription = SubscriptionId::generate();
        let id = DeliveryId::derive(event, subscription);
        assert_eq!(id, DeliveryId::derive(event, subscription));
        assert_ne!(id, DeliveryId::derive(other, subscription));
        assert_eq!(id.as_uuid().get_version_num(), 8);
        assert_eq!(id.as_uuid().as_bytes()[..6], event.as_uuid().as_bytes()[..6]);
    }

    #[test]
    fn deliveries_of_one_millisecond_lie_in_the_order_of_their_events() {
        let subscriptions = [(); 20].map(|()| SubscriptionId::generate());
        let events: Vec<_> = (0..1000).map(|_| EventId::generate()).collect();
        let of = |event: &EventId| subscriptions.map(|subscription| DeliveryId::derive(*event, subscription));
        // The number may begin anew within a millisecond, once in 4096.
        let ordered = events.windows(2).filter(|two| of(&two[0]).iter().max() < of(&two[1]).iter().min());
        assert!(ordered.count() >= 990, "{events:?}");
    }
}
