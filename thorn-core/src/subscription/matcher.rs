//! Subscriptions compiled for matching.

mod audience;
mod trie;

use std::{collections::HashMap, sync::Arc};

use self::{
    audience::Audience,
    trie::{Name, Node},
};
use super::entry::Subscription;

/// A set of subscriptions that finds those which hear of an event.
///
/// Exact names stand in a map, patterns in a trie of their segments, and where either ends the
/// subscriptions stand by their owners. So what a match costs depends on the event and on what it
/// finds, and not on how many subscriptions there are.
#[derive(Debug, Default)]
pub(super) struct Matcher {
    exact: HashMap<Box<str>, Audience>,
    patterns: Node,
}

impl Matcher {
    /// Adds a subscription that isn't in the set. A disabled one is left out, as it hears nothing.
    pub(super) fn insert(&mut self, subscription: Arc<Subscription>) {
        if subscription.disabled.is_some() {
            return;
        }
        let pattern = &subscription.pattern;
        let audience = if pattern.is_exact() {
            self.exact.entry(pattern.as_str().into()).or_default()
        } else {
            self.patterns.audience(pattern.segments())
        };
        audience.insert(subscription);
    }

    /// Takes out a subscription, given as it was inserted.
    pub(super) fn remove(&mut self, subscription: &Subscription) {
        let pattern = &subscription.pattern;
        if !pattern.is_exact() {
            self.patterns.remove(pattern.segments(), subscription);
        } else if let Some(audience) = self.exact.get_mut(pattern.as_str()) {
            audience.remove(subscription);
            if audience.is_empty() {
                self.exact.remove(pattern.as_str());
            }
        }
    }

    /// Appends to `out`, in no order, every subscription that [hears](Subscription::matches) of the
    /// event, once each.
    pub(super) fn matching(
        &self,
        event: &str,
        sender: Option<&str>,
        broadcast: bool,
        out: &mut Vec<Arc<Subscription>>,
    ) {
        if let Some(audience) = self.exact.get(event) {
            audience.hear(sender, broadcast, out);
        }
        if let Some(name) = Name::split(event) {
            self.patterns.walk(&name, &mut |audience| audience.hear(sender, broadcast, out));
        }
    }
}

#[cfg(test)]
mod tests;
