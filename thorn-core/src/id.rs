//! Typed identifiers, so that an event's id can't be passed where a delivery's is expected.

use std::{fmt, str::FromStr};

use sea_orm::prelude::Uuid;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::timestamp::Timestamp;

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID, for instance one read from a table.
            #[must_use]
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID itself.
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
    /// The id of an event.
    ///
    /// It is a UUIDv7 ([RFC 9562, section 5.7](https://www.rfc-editor.org/rfc/rfc9562#section-5.7)), so ids
    /// sort by the time of creation.
    EventId
);
typed_id!(
    /// The id of a subscription. Thorn generates each as a UUIDv7.
    SubscriptionId
);
typed_id!(
    /// The id of a delivery: one event sent to one subscription.
    ///
    /// Both ids determine it, so every attempt to make the delivery carries the same id. A receiver that
    /// remembers the ids it has seen can therefore handle each delivery once.
    DeliveryId
);
typed_id!(
    /// The id of an API key. Thorn generates each as a UUIDv7.
    ApiKeyId
);

typed_id!(
    /// The id of a hub's topic. Thorn generates each as a UUIDv7.
    TopicId
);

impl ApiKeyId {
    /// Generates a new id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl EventId {
    /// Generates an id that sorts after every id this process has generated before.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// When the id was generated, in whole milliseconds. `None` if the id isn't a UUIDv7.
    pub(crate) fn generated_at(self) -> Option<Timestamp> {
        let (seconds, nanoseconds) = self.0.get_timestamp()?.to_unix();
        let milliseconds = i64::try_from(seconds).ok()?.checked_mul(1_000)?;
        Some(Timestamp::from_millis(milliseconds + i64::from(nanoseconds / 1_000_000)))
    }

    /// The id of the event with which thorn reports on `delivery`, a delivery of the event `of`.
    ///
    /// The arguments determine the id, so thorn reports on a delivery once, however often it tries.
    pub(crate) fn about(delivery: DeliveryId, of: Self) -> Self {
        Self(derived(of, delivery.0))
    }

    /// The id of the event called `name` that reports on this attempt of `delivery`, a delivery of the event `of`.
    pub(crate) fn about_attempt(delivery: DeliveryId, of: Self, number: u32, name: &str) -> Self {
        Self(derived(of, Uuid::new_v5(&delivery.0, format!("{number} {name}").as_bytes())))
    }
}

impl SubscriptionId {
    /// Generates a new id.
    #[must_use]
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }
}

impl DeliveryId {
    /// The id of the delivery of this event to this subscription. The same arguments always give the same
    /// id.
    ///
    /// It is a UUIDv8 ([RFC 9562, section 5.8](https://www.rfc-editor.org/rfc/rfc9562#section-5.8)): the
    /// event's time and counter, then a hash of both ids. Ids therefore sort by the event's time, which
    /// keeps new rows together in the index.
    ///
    /// # Examples
    ///
    /// ```
    /// use thorn_core::{DeliveryId, EventId, SubscriptionId};
    ///
    /// let (event, subscription) = (EventId::generate(), SubscriptionId::generate());
    /// assert_eq!(DeliveryId::derive(event, subscription), DeliveryId::derive(event, subscription));
    /// ```
    #[must_use]
    pub fn derive(event: EventId, subscription: SubscriptionId) -> Self {
        Self(derived(event, subscription.0))
    }
}

/// A UUIDv8 made of the event's millisecond, the low 12 bits of its counter within that millisecond, and
/// 62 bits of a hash of both ids.
///
/// Without the counter, ids of one busy millisecond would be random and touch many pages of the index.
fn derived(event: EventId, other: Uuid) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(event.0.as_bytes());
    hash.update(other.as_bytes());
    let event = event.0.as_bytes();
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&event[..6]);
    // `Uuid::now_v7` counts in 42 bits, which end at byte 12 (RFC 9562, section 6.2, method 1). The UUID
    // version overwrites the upper four of the sixteen bits copied here.
    bytes[6..8].copy_from_slice(&event[10..12]);
    bytes[8..].copy_from_slice(&hash.finalize()[..8]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_id_is_stable_and_differs_between_events() {
        let (event, other) = (EventId::generate(), EventId::generate());
        let subscription = SubscriptionId::generate();
        let id = DeliveryId::derive(event, subscription);
        assert_eq!(id, DeliveryId::derive(event, subscription));
        assert_ne!(id, DeliveryId::derive(other, subscription));
        assert_eq!(id.as_uuid().get_version_num(), 8);
        assert_eq!(id.as_uuid().as_bytes()[..6], event.as_uuid().as_bytes()[..6]);
    }

    #[test]
    fn each_attempt_has_reports_of_its_own() {
        let event = EventId::generate();
        let delivery = DeliveryId::derive(event, SubscriptionId::generate());
        let id = EventId::about_attempt(delivery, event, 1, "a.b");
        assert_eq!(id, EventId::about_attempt(delivery, event, 1, "a.b"));
        assert_ne!(id, EventId::about_attempt(delivery, event, 2, "a.b"));
        assert_ne!(id, EventId::about_attempt(delivery, event, 1, "a.c"));
        assert!(id > event, "it stands behind the event in lists");
    }

    #[test]
    fn delivery_ids_of_one_millisecond_sort_by_event() {
        let subscriptions = [(); 20].map(|()| SubscriptionId::generate());
        let events: Vec<_> = (0..1000).map(|_| EventId::generate()).collect();
        let deliveries = |event: &EventId| subscriptions.map(|subscription| DeliveryId::derive(*event, subscription));
        // The 12 bits of the counter overflow once in 4096 events.
        let ordered =
            events.windows(2).filter(|pair| deliveries(&pair[0]).iter().max() < deliveries(&pair[1]).iter().min());
        assert!(ordered.count() >= 990, "{events:?}");
    }
}
