//! Who hears of the events of one pattern.

use std::{collections::HashMap, sync::Arc};

use crate::subscription::Subscription;

/// The subscriptions of one pattern, by owner.
#[derive(Debug, Default)]
pub(super) struct Audience {
    global: Vec<Arc<Subscription>>,
    owned: HashMap<Box<str>, Vec<Arc<Subscription>>>,
}

impl Audience {
    pub(super) fn insert(&mut self, subscription: Arc<Subscription>) {
        let list = match &subscription.owner {
            None => &mut self.global,
            Some(owner) => self.owned.entry(owner.as_str().into()).or_default(),
        };
        list.push(subscription);
    }

    pub(super) fn remove(&mut self, subscription: &Subscription) {
        let Some(owner) = subscription.owner.as_deref() else {
            return take_out(&mut self.global, subscription);
        };
        if let Some(list) = self.owned.get_mut(owner) {
            take_out(list, subscription);
            if list.is_empty() {
                self.owned.remove(owner);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.global.is_empty() && self.owned.is_empty()
    }

    /// Appends those that an event of this sender is for; [`Subscription::hears`] has the rule.
    pub(super) fn hear(&self, sender: Option<&str>, broadcast: bool, out: &mut Vec<Arc<Subscription>>) {
        out.extend(self.global.iter().cloned());
        if broadcast {
            out.extend(self.owned.values().flatten().cloned());
        } else if let Some(list) = sender.and_then(|owner| self.owned.get(owner)) {
            out.extend(list.iter().cloned());
        }
    }
}

fn take_out(list: &mut Vec<Arc<Subscription>>, subscription: &Subscription) {
    if let Some(index) = list.iter().position(|other| other.id == subscription.id) {
        list.swap_remove(index);
    }
}
