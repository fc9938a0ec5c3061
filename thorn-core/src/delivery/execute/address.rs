//! Looks for the recipients of deliveries.

use std::sync::Arc;

use super::{
    addressed::{Addressed, Entrance},
    admission::Admission,
    executor::Executor,
    of_event::EventSubscribers,
    recorded::Recorded,
    undecided::Verdicts,
};
use crate::{
    endpoint::Limited,
    fanout::{Chunk, ChunkDelivery, ChunkEvent, Recipient},
    subscription::Subscription,
    timestamp::Timestamp,
};

/// A delivery whose recipient has been looked for.
pub(super) enum Found<'a> {
    Addressed(Addressed<'a>),
    /// It isn't made, for this reason.
    Refused(&'a ChunkEvent, Admission<'a>),
    /// An earlier run of the chunk made it, or a later one must decide.
    Left,
}

impl Executor {
    /// Looks for the recipient of a delivery, after its filter has been evaluated.
    pub(super) async fn find<'a>(
        &self,
        chunk: &'a Chunk,
        delivery: &'a ChunkDelivery,
        recorded: &Recorded,
        subscribers: &'a EventSubscribers,
        verdicts: &Verdicts,
    ) -> Found<'a> {
        if delivery.undecided {
            let event = chunk.events.get(delivery.event).filter(|event| recorded.leaves_open(event, delivery));
            let Some(event) = event else { return Found::Left };
            match Box::pin(self.lets_through(chunk, delivery, verdicts)).await {
                Some(true) => {}
                Some(false) => return Found::Refused(event, Admission::FilteredOut),
                None => return Found::Left,
            }
        }
        self.address(chunk, delivery, recorded, subscribers)
    }

    /// Looks for the recipient of a delivery whose filter needn't be evaluated.
    pub(super) fn address<'a>(
        &self,
        chunk: &'a Chunk,
        delivery: &'a ChunkDelivery,
        recorded: &Recorded,
        subscribers: &'a EventSubscribers,
    ) -> Found<'a> {
        let Some(event) = chunk.events.get(delivery.event).filter(|event| recorded.leaves_open(event, delivery)) else {
            return Found::Left;
        };
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
                    return Found::Refused(event, Admission::Unreadable);
                }
            },
            None if delivery.of_event => None,
            None if self.registry.is_unreadable(delivery.subscription) => {
                return Found::Refused(event, Admission::Unreadable);
            }
            None => self.registry.get(delivery.subscription).map(Recipient::Subscribed),
        };
        let Some(recipient) = recipient else { return Found::Refused(event, Admission::Cancelled) };
        if is_over(recipient.subscription()) {
            return Found::Refused(event, Admission::LeaseOver);
        }
        let endpoint = self.registry.endpoints().get(recipient.tenant(), &recipient.destination().url);
        let limited = match self.limited(recipient.subscription()) {
            Ok(limited) => limited,
            Err(until) => return Found::Refused(event, Admission::LaneFull(until)),
        };
        let stored = stored.map(|(stored, _)| stored);
        Found::Addressed(Addressed { event, delivery, recipient, endpoint, stored, limited, entrance: Entrance::Alone })
    }

    /// The lane of the subscription, if it limits its requests. If this process may make none, tells when to try again.
    fn limited(&self, subscription: Option<&Subscription>) -> Result<Option<Limited>, Timestamp> {
        match subscription.and_then(|one| Some((one.id, one.spec.max_in_flight?))) {
            Some((id, limit)) => self.registry.endpoints().limited(id, limit).map(Some),
            None => Ok(None),
        }
    }
}

/// Whether the lease of a hub's subscription is over. Nothing is sent then, however long it has been queued.
fn is_over(subscription: Option<&Subscription>) -> bool {
    let lease = subscription.and_then(|subscription| subscription.lease.as_ref());
    lease.is_some_and(|lease| lease.expires_at <= Timestamp::now())
}
