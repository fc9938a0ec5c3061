//! The subscriptions that share one pattern.

mod list;

use std::{collections::HashMap, sync::Arc};

use self::list::List;
use crate::{pattern::Leaf, subscription::entry::Subscription};

/// Up to this many subscriptions, a linear scan is as fast as a map and takes less memory.
const FEW: usize = 4;

/// The subscriptions of one pattern.
#[derive(Debug)]
pub(super) enum Audience {
    /// Subscriptions of any owners. Most patterns have only these few.
    Few(Vec<Arc<Subscription>>),
    /// Subscriptions grouped by owner.
    Many(Box<ByOwner>),
}

#[derive(Debug, Default)]
pub(super) struct ByOwner {
    global: List,
    owned: HashMap<Box<str>, List>,
}

impl Default for Audience {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Leaf for Audience {
    fn is_empty(&self) -> bool {
        match self {
            Self::Few(few) => few.is_empty(),
            Self::Many(many) => many.global.is_empty() && many.owned.is_empty(),
        }
    }
}

impl Audience {
    pub(super) fn insert(&mut self, subscription: Arc<Subscription>) {
        match self {
            Self::Few(few) if few.len() < FEW => {
                // Most patterns have one subscription, for which a vector would make room for four.
                few.reserve_exact(1);
                few.push(subscription);
            }
            Self::Few(few) => {
                let mut many = Box::<ByOwner>::default();
                few.drain(..).chain([subscription]).for_each(|one| many.insert(one));
                *self = Self::Many(many);
            }
            Self::Many(many) => many.insert(subscription),
        }
    }

    pub(super) fn remove(&mut self, subscription: &Subscription) {
        match self {
            Self::Few(few) => few.retain(|one| one.id != subscription.id),
            Self::Many(many) => many.remove(subscription),
        }
    }

    /// Appends the subscriptions that receive this sender's events. [`Subscription::matches`] states the rule.
    pub(super) fn collect_for(&self, sender: Option<&str>, broadcast: bool, out: &mut Vec<Arc<Subscription>>) {
        match self {
            Self::Few(few) => out.extend(few.iter().filter(|one| one.takes_events_of(sender, broadcast)).cloned()),
            Self::Many(many) => many.collect_for(sender, broadcast, out),
        }
    }
}

impl ByOwner {
    fn insert(&mut self, subscription: Arc<Subscription>) {
        let list = match &subscription.owner {
            None => &mut self.global,
            Some(owner) => self.owned.entry(owner.as_str().into()).or_default(),
        };
        list.push(subscription);
    }

    fn remove(&mut self, subscription: &Subscription) {
        let Some(owner) = subscription.owner.as_deref() else {
            return self.global.remove(subscription.id);
        };
        if let Some(list) = self.owned.get_mut(owner) {
            list.remove(subscription.id);
            if list.is_empty() {
                self.owned.remove(owner);
            }
        }
    }

    fn collect_for(&self, sender: Option<&str>, broadcast: bool, out: &mut Vec<Arc<Subscription>>) {
        out.extend(self.global.iter().cloned());
        if broadcast {
            out.extend(self.owned.values().flat_map(List::iter).cloned());
        } else if let Some(list) = sender.and_then(|owner| self.owned.get(owner)) {
            out.extend(list.iter().cloned());
        }
    }
}
