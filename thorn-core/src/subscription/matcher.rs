//! An index of subscriptions that finds those matching an event.

mod audience;

use std::{collections::HashMap, sync::Arc};

use self::audience::Audience;
use super::entry::Subscription;
use crate::pattern::{Leaf as _, Node, SegmentedName};

/// A set of subscriptions that finds those matching an event.
///
/// Patterns without a wildcard are kept in a map, all others in a trie of their segments. Within one pattern,
/// subscriptions are grouped by owner. The cost of a match therefore depends on the event and on the number of matching
/// subscriptions, not on the total number of subscriptions.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    /// Audiences of the patterns without a wildcard.
    exact: HashMap<Box<str>, Audience>,
    /// Audiences of the patterns with a wildcard.
    patterns: Node<Audience>,
}

impl Matcher {
    /// Adds a subscription that isn't in the set yet. Ignores a disabled subscription and one of a hub's topic, because no
    /// name matches them.
    pub(super) fn insert(&mut self, subscription: Arc<Subscription>) {
        if !subscription.is_matched_by_name() {
            return;
        }
        let pattern = &subscription.spec.pattern;
        let audience = if pattern.is_exact() {
            self.exact.entry(pattern.as_str().into()).or_default()
        } else {
            self.patterns.leaf(pattern.segments())
        };
        audience.insert(subscription);
    }

    /// Removes a subscription, which must have the same pattern and owner as when it was inserted.
    pub(super) fn remove(&mut self, subscription: &Subscription) {
        let pattern = &subscription.spec.pattern;
        if !pattern.is_exact() {
            self.patterns.remove(pattern.segments(), &mut |audience| audience.remove(subscription));
        } else if let Some(audience) = self.exact.get_mut(pattern.as_str()) {
            audience.remove(subscription);
            if audience.is_empty() {
                self.exact.remove(pattern.as_str());
            }
        }
    }

    /// Appends every subscription that [matches](Subscription::matches) the event to `out`, once each and in no order.
    pub(super) fn matching(
        &self,
        event: &str,
        sender: Option<&str>,
        broadcast: bool,
        out: &mut Vec<Arc<Subscription>>,
    ) {
        if let Some(audience) = self.exact.get(event) {
            audience.collect_for(sender, broadcast, out);
        }
        if let Some(name) = SegmentedName::split(event) {
            self.patterns.walk(&name, &mut |audience| audience.collect_for(sender, broadcast, out));
        }
    }
}

#[cfg(test)]
mod tests;
