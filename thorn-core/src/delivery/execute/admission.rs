//! Decides whether a delivery may be made now.

use std::sync::Arc;

use super::{executor::Executor, held::Pass, of_event::EventSubscribers, recorded::Recorded};
use crate::{
    endpoint::{Endpoint, Entry, Limited, Permit, Slot},
    fanout::{Chunk, ChunkDelivery, ChunkEvent, Recipient},
    outbox::StoredEvent,
    subscription::{Hold, Subscription},
    timestamp::Timestamp,
};

/// The recipient of one delivery and the endpoint that its request goes to.
pub(super) struct Target<'a> {
    pub(super) recipient: Recipient,
    pub(super) endpoint: Arc<Endpoint>,
    /// The event's row, if the event brought the recipient.
    pub(super) stored: Option<&'a StoredEvent>,
    /// The hold that the delivery probes.
    pub(super) probes: Option<Hold>,
}

/// Whether a delivery may be made now.
pub(super) enum Admission<'a> {
    /// The request may be sent.
    Admitted { target: Target<'a>, permit: Permit },
    /// The lane of the endpoint or of the subscription is full until this time.
    LaneFull(Timestamp),
    /// The subscription's rate lets no more through until this time.
    Paced(Timestamp),
    /// Deliveries to the endpoint are held until this time.
    Held(Timestamp),
    /// The subscription is paused.
    Paused,
    /// This worker can't read the recipient, for instance because it has another secret key.
    Unreadable,
    /// The worker stops.
    Stopping,
    /// The subscription was deleted or disabled.
    Cancelled,
    /// The subscription's filter doesn't let the event through.
    FilteredOut,
}

impl Executor {
    /// Waits until the delivery may be made. Returns `None` if an earlier run of the chunk made it, or if a later one
    /// must decide.
    ///
    /// Thousands of deliveries wait here. What is rare is boxed, so that its memory isn't part of each of them.
    pub(super) async fn admit<'a>(
        &self,
        chunk: &'a Chunk,
        delivery: &ChunkDelivery,
        recorded: &Recorded,
        subscribers: &'a EventSubscribers,
    ) -> Option<(&'a ChunkEvent, Admission<'a>)> {
        let event = chunk.events.get(delivery.event)?;
        if !recorded.leaves_open(event, delivery) {
            return None;
        }
        if delivery.undecided && !Box::pin(self.lets_through(event, delivery)).await? {
            return Some((event, Admission::FilteredOut));
        }
        let stored = subscribers.get(event.id, delivery.subscription).filter(|_| delivery.of_event);
        let recipient = match stored {
            Some((stored, subscriber)) => match subscriber.open(stored.id, self.registry.key()) {
                Ok(destination) => Some(Recipient::OfEvent {
                    id: delivery.subscription,
                    destination: Arc::new(destination),
                    tenant: stored.tenant(),
                }),
                Err(error) => {
                    tracing::error!(event.id = %event.id, %error, "can't read a subscriber that the event brought; trying again");
                    return Some((event, Admission::Unreadable));
                }
            },
            None if delivery.of_event => None,
            None if self.registry.is_unreadable(delivery.subscription) => return Some((event, Admission::Unreadable)),
            None => self.registry.get(delivery.subscription).map(Recipient::Subscribed),
        };
        let Some(recipient) = recipient else { return Some((event, Admission::Cancelled)) };
        let endpoint = self.registry.endpoints().get(recipient.tenant(), &recipient.destination().url);
        let limited = match self.limited(recipient.subscription()) {
            Ok(limited) => limited,
            Err(until) => return Some((event, Admission::LaneFull(until))),
        };
        let permit = match endpoint.enter(limited).await {
            Entry::Full(until) => return Some((event, Admission::LaneFull(until))),
            Entry::Open(_) if *self.stop.borrow() => return Some((event, Admission::Stopping)),
            Entry::Open(permit) => permit,
        };
        let pass = match recipient.subscription() {
            Some(subscription) => self.pass(subscription, &endpoint, event.own_timeout()).await,
            None => Pass::Free,
        };
        let probes = match pass {
            Pass::Free => {
                if let Slot::Later(until) = self.slot(recipient.subscription()).await {
                    return Some((event, Admission::Paced(until)));
                }
                None
            }
            Pass::Probe(hold) => Some(hold),
            Pass::Held(until) => return Some((event, Admission::Held(until))),
            Pass::Paused => return Some((event, Admission::Paused)),
        };
        let target = Target { recipient, endpoint, stored: stored.map(|(stored, _)| stored), probes };
        Some((event, Admission::Admitted { target, permit }))
    }

    /// The lane of the subscription, if it limits its requests. If this process may make none, tells when to try again.
    fn limited(&self, subscription: Option<&Subscription>) -> Result<Option<Limited>, Timestamp> {
        match subscription.and_then(|one| Some((one.id, one.spec.max_in_flight?))) {
            Some((id, limit)) => self.registry.endpoints().limited(id, limit).map(Some),
            None => Ok(None),
        }
    }

    /// A slot for a delivery to the subscription, if it has a rate.
    async fn slot(&self, subscription: Option<&Subscription>) -> Slot {
        match subscription.and_then(|one| Some((one.id, one.spec.rate?))) {
            Some((id, rate)) => {
                let pace = self.registry.endpoints().pace(id);
                Box::pin(pace.slot(&self.db, id, rate)).await
            }
            None => Slot::Taken,
        }
    }
}
