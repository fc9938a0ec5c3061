//! Decides whether a delivery may be made now.

use std::sync::Arc;

use super::{
    executor::Executor,
    held::Pass,
    of_event::EventSubscribers,
    recorded::Recorded,
    response_room,
    response_room::ResponseRoom,
    topic_turn::{TopicTurn, Turn},
    undecided::Verdicts,
};
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
    /// The delivery's turn, if the recipient is a subscription of a hub's topic.
    pub(super) turn: Option<TopicTurn>,
    /// Room for the response, if somebody is to get it.
    pub(super) room: Option<ResponseRoom>,
}

/// Whether a delivery may be made now.
pub(super) enum Admission<'a> {
    /// The request may be sent.
    Admitted { target: Target<'a>, permit: Permit },
    /// The lane of the endpoint or of the subscription is full until this time.
    LaneFull(Timestamp),
    /// The subscription's rate lets no more through until this time.
    Paced(Timestamp),
    /// There is no room for the response until this time.
    NoRoom(Timestamp),
    /// Deliveries to the endpoint are held until this time.
    Held(Timestamp),
    /// Another version of the topic is being delivered to the subscription. Try again at this time.
    NotItsTurn(Timestamp),
    /// A newer version of the topic has replaced this one.
    Superseded,
    /// The lease of the hub's subscription is over.
    LeaseOver,
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
        verdicts: &Verdicts,
    ) -> Option<(&'a ChunkEvent, Admission<'a>)> {
        let event = chunk.events.get(delivery.event)?;
        if !recorded.leaves_open(event, delivery) {
            return None;
        }
        if delivery.undecided && !Box::pin(self.lets_through(chunk, delivery, verdicts)).await? {
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
        if is_over(recipient.subscription()) {
            return Some((event, Admission::LeaseOver));
        }
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
        let turn = match self.topic_turn(recipient.subscription(), event).await {
            Turn::NotNeeded => None,
            Turn::Taken(turn) => Some(turn),
            // If the other run has died, the reconciler enqueues the delivery.
            Turn::Later(_) if recorded.may_be_under_way(delivery) => return None,
            Turn::Later(until) => return Some((event, Admission::NotItsTurn(until))),
            Turn::Superseded => return Some((event, Admission::Superseded)),
        };
        let pass = match recipient.subscription() {
            Some(subscription) => self.pass(subscription, &endpoint, event.own_timeout(), delivery.has_row).await,
            None => Self::pass_here(&endpoint),
        };
        let passed = match pass {
            Pass::Free => match self.slot(recipient.subscription()).await {
                Slot::Later(until) => Err(Admission::Paced(until)),
                Slot::Taken => Ok(None),
            },
            Pass::Probe(hold) => Ok(Some(hold)),
            Pass::Held(until) => Err(Admission::Held(until)),
            Pass::Paused => Err(Admission::Paused),
        };
        let stored = stored.map(|(stored, _)| stored);
        let wants_response = stored.is_some_and(|stored| stored.wants_response(delivery.attempts));
        let room = (wants_response && passed.is_ok()).then(|| ResponseRoom::take(recipient.tenant())).flatten();
        let refused = match passed {
            Ok(_) if wants_response && room.is_none() => Admission::NoRoom(response_room::next_try()),
            Ok(probes) => {
                let target = Target { recipient, endpoint, stored, probes, turn, room };
                return Some((event, Admission::Admitted { target, permit }));
            }
            Err(refused) => refused,
        };
        if turn.is_some() {
            // This is rare. Without the box, the refusal would be part of every delivery that waits.
            return Some((event, Box::pin(self.end_turn_of(turn, refused)).await));
        }
        Some((event, refused))
    }

    /// Gives the turn of a delivery back that is refused.
    async fn end_turn_of<'a>(&self, turn: Option<TopicTurn>, refused: Admission<'a>) -> Admission<'a> {
        self.end_turn(turn).await;
        refused
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

/// Whether the lease of a hub's subscription is over. Nothing is sent then, however long it has been queued.
fn is_over(subscription: Option<&Subscription>) -> bool {
    let lease = subscription.and_then(|subscription| subscription.lease.as_ref());
    lease.is_some_and(|lease| lease.expires_at <= Timestamp::now())
}
