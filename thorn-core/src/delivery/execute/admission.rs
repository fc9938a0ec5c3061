//! Decides whether a delivery may be made now.

use std::sync::Arc;

use super::{
    addressed::{Addressed, Entrance},
    executor::Executor,
    held::Pass,
    recorded::Recorded,
    response_room,
    response_room::ResponseRoom,
    topic_turn::{TopicTurn, Turn},
};
use crate::{
    endpoint::{Endpoint, Entry, Permit, Slot},
    fanout::Recipient,
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
    /// Waits until the delivery may be made. Returns `None` if a later run of the chunk must decide.
    ///
    /// Thousands of deliveries wait here. What is rare is boxed, so that its memory isn't part of each of them.
    pub(super) async fn admit<'a>(&self, mut one: Box<Addressed<'a>>, recorded: &Recorded) -> Option<Admission<'a>> {
        let entered = match std::mem::take(&mut one.entrance) {
            Entrance::Alone => one.endpoint.enter(one.limited.take()).await,
            Entrance::Waited(place) => one.endpoint.enter_from(place).await,
            Entrance::Full(until) => Entry::Full(until),
        };
        let permit = match entered {
            Entry::Full(until) => return Some(Admission::LaneFull(until)),
            Entry::Open(_) if *self.stop.borrow() => return Some(Admission::Stopping),
            Entry::Open(permit) => permit,
        };
        let turn = match self.topic_turn(one.recipient.subscription(), one.event).await {
            Turn::NotNeeded => None,
            Turn::Taken(turn) => Some(turn),
            // If the other run has died, the reconciler enqueues the delivery.
            Turn::Later(_) if recorded.may_be_under_way(one.delivery) => return None,
            Turn::Later(until) => return Some(Admission::NotItsTurn(until)),
            Turn::Superseded => return Some(Admission::Superseded),
        };
        let pass = match one.recipient.subscription() {
            Some(subscription) => {
                self.pass(subscription, &one.endpoint, one.event.own_timeout(), one.delivery.has_row).await
            }
            None => Self::pass_here(&one.endpoint),
        };
        let passed = match pass {
            Pass::Free => match self.slot(one.recipient.subscription()).await {
                Slot::Later(until) => Err(Admission::Paced(until)),
                Slot::Taken => Ok(None),
            },
            Pass::Probe(hold) => Ok(Some(hold)),
            Pass::Held(until) => Err(Admission::Held(until)),
            Pass::Paused => Err(Admission::Paused),
        };
        let wants_response = one.stored.is_some_and(|stored| stored.wants_response(one.delivery.attempts));
        let room = (wants_response && passed.is_ok()).then(|| ResponseRoom::take(one.recipient.tenant())).flatten();
        let refused = match passed {
            Ok(_) if wants_response && room.is_none() => Admission::NoRoom(response_room::next_try()),
            Ok(probes) => {
                let Addressed { recipient, endpoint, stored, .. } = *one;
                let target = Target { recipient, endpoint, stored, probes, turn, room };
                return Some(Admission::Admitted { target, permit });
            }
            Err(refused) => refused,
        };
        if turn.is_some() {
            // This is rare. Without the box, the refusal would be part of every delivery that waits.
            return Some(Box::pin(self.end_turn_of(turn, refused)).await);
        }
        Some(refused)
    }

    /// Gives the turn of a delivery back that is refused.
    async fn end_turn_of<'a>(&self, turn: Option<TopicTurn>, refused: Admission<'a>) -> Admission<'a> {
        self.end_turn(turn).await;
        refused
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
