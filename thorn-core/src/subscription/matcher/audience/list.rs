//! A list of subscriptions with fast removal.

use std::{collections::HashMap, sync::Arc};

use crate::{id::SubscriptionId, subscription::entry::Subscription};

/// The longest list that is searched linearly.
const SHORT: usize = 64;

/// An unordered list of subscriptions.
///
/// Most lists are short. If thousands of owners subscribe to one event, an index keeps the removal of each of
/// them from scanning the whole list.
#[derive(Debug, Default)]
pub(super) struct List {
    all: Vec<Arc<Subscription>>,
    /// Each subscription's index in `all`; `None` while the list is short.
    #[allow(clippy::box_collection, reason = "nearly all lists are short and have no index")]
    places: Option<Box<HashMap<SubscriptionId, usize>>>,
}

impl List {
    pub(super) fn push(&mut self, subscription: Arc<Subscription>) {
        if let Some(places) = &mut self.places {
            places.insert(subscription.id, self.all.len());
        } else if self.all.len() >= SHORT {
            let all = self.all.iter().chain([&subscription]);
            self.places = Some(Box::new(all.enumerate().map(|(place, one)| (one.id, place)).collect()));
        }
        self.all.push(subscription);
    }

    pub(super) fn remove(&mut self, id: SubscriptionId) {
        let place = match &mut self.places {
            Some(places) => places.remove(&id),
            None => self.all.iter().position(|one| one.id == id),
        };
        let Some(place) = place else { return };
        self.all.swap_remove(place);
        if let (Some(places), Some(moved)) = (&mut self.places, self.all.get(place)) {
            places.insert(moved.id, place);
        }
        if self.all.len() < SHORT / 2 {
            self.places = None;
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Subscription>> {
        self.all.iter()
    }
}
