//! The registry's content in memory, and how a change is applied to it.

use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet},
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::{
    id::{SubscriptionId, TopicId},
    subscription::{entry::Subscription, matcher::Matcher},
};

/// The subscriptions that the registry has read.
#[derive(Debug, Default)]
pub(super) struct Compiled {
    /// All changes up to this version are included.
    pub(super) version: i64,
    /// The enabled subscriptions.
    pub(super) by_id: HashSet<ById>,
    /// The same subscriptions, indexed for matching.
    pub(super) matcher: Matcher,
    /// The subscriptions of each hub's topic, which no name matches.
    pub(super) by_topic: HashMap<TopicId, HashMap<SubscriptionId, Arc<Subscription>>>,
    /// Enabled subscriptions that can't be read, with the reason.
    pub(super) unreadable: HashMap<SubscriptionId, String>,
}

/// A subscription that is found by its id. A map would hold the id a second time.
#[derive(Debug)]
pub(super) struct ById(pub(super) Arc<Subscription>);

impl Borrow<SubscriptionId> for ById {
    fn borrow(&self) -> &SubscriptionId {
        &self.0.id
    }
}

impl Hash for ById {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.id.hash(state);
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for ById {}

/// A change that the registry has read from the table or from a foreign store.
pub(super) struct RegistryChange {
    pub(super) id: SubscriptionId,
    /// The version of the write.
    pub(super) version: i64,
    /// The subscription's state after the write.
    pub(super) state: SubscriptionState,
}

/// A subscription's state, as its row has it.
pub(super) enum SubscriptionState {
    Enabled(Arc<Subscription>),
    /// Disabled, deleted or refused by its endpoint.
    Inactive,
    /// Enabled, but unreadable for this reason.
    Unreadable(String),
}

impl Compiled {
    /// Replaces whatever is held for this subscription.
    pub(super) fn replace(&mut self, id: SubscriptionId, state: SubscriptionState) {
        if let Some(ById(old)) = self.by_id.take(&id) {
            self.remove(&old);
        }
        self.unreadable.remove(&id);
        match state {
            SubscriptionState::Enabled(new) => {
                self.by_id.insert(ById(Arc::clone(&new)));
                match new.lease.as_ref().map(|lease| lease.topic) {
                    Some(topic) => drop(self.by_topic.entry(topic).or_default().insert(id, new)),
                    None => self.matcher.insert(new),
                }
            }
            SubscriptionState::Unreadable(reason) => {
                self.unreadable.insert(id, reason);
            }
            SubscriptionState::Inactive => {}
        }
    }

    fn remove(&mut self, old: &Subscription) {
        let Some(lease) = &old.lease else { return self.matcher.remove(old) };
        if let Some(of_topic) = self.by_topic.get_mut(&lease.topic) {
            of_topic.remove(&old.id);
            if of_topic.is_empty() {
                self.by_topic.remove(&lease.topic);
            }
        }
    }
}
