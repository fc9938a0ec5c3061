//! The order of the events of one turn.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
};

use crate::outbox::StoredEvent;

/// The sender of an event. `None` is the operator.
pub(super) type Sender = Option<String>;

/// The events of a turn in a fair order: the next one is of the sender with the fewest deliveries so far.
///
/// In the first round, the senders have their turns in the order of `events`.
pub(in crate::relay) struct Turns<'a> {
    senders: Vec<Share<'a>>,
    next: BinaryHeap<Reverse<(usize, usize)>>,
}

struct Share<'a> {
    sender: &'a Sender,
    events: VecDeque<&'a StoredEvent>,
    /// Deliveries so far. An event without deliveries counts as one.
    spent: usize,
}

impl<'a> Turns<'a> {
    pub(in crate::relay) fn new(events: &'a [StoredEvent]) -> Self {
        let (mut senders, mut places) = (Vec::<Share<'_>>::new(), HashMap::new());
        let mut latest = 0;
        for event in events {
            if senders.get(latest).is_none_or(|share| *share.sender != event.sender) {
                latest = *places.entry(&event.sender).or_insert(senders.len());
            }
            match senders.get_mut(latest) {
                Some(share) => share.events.push_back(event),
                None => senders.push(Share { sender: &event.sender, events: VecDeque::from([event]), spent: 0 }),
            }
        }
        let next = (0..senders.len()).map(|place| Reverse((0, place))).collect();
        Self { senders, next }
    }

    /// The next event, and whose turn it is.
    pub(in crate::relay) fn next(&mut self) -> Option<(usize, &'a StoredEvent)> {
        let Reverse((_, place)) = self.next.pop()?;
        Some((place, self.senders[place].events.pop_front()?))
    }

    /// Notes how many deliveries the event of this turn has.
    pub(in crate::relay) fn took(&mut self, place: usize, deliveries: usize) {
        let share = &mut self.senders[place];
        share.spent += deliveries.max(1);
        if !share.events.is_empty() {
            self.next.push(Reverse((share.spent, place)));
        }
    }

    pub(super) fn spent(&self) -> impl Iterator<Item = (&'a Sender, usize)> {
        self.begun().map(|share| (share.sender, share.spent))
    }

    fn begun(&self) -> impl Iterator<Item = &Share<'a>> {
        self.senders.iter().filter(|share| share.spent > 0)
    }

    /// The last sender that has had a turn, if others had none.
    pub(super) fn last_begun(&self) -> Option<&'a Sender> {
        let begun = self.begun().count();
        if begun == self.senders.len() { None } else { self.begun().last().map(|share| share.sender) }
    }
}
