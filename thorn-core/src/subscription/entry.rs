//! A subscription as the rest of thorn sees it.

use crate::{
    filter::Q,
    id::SubscriptionId,
    pattern::Pattern,
    spec::{Destination, SubscriptionSpec},
    timestamp::Timestamp,
};

/// An owner's request to receive the events that a pattern matches.
///
/// `Debug` shows neither the secret nor the headers' values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its identifier.
    pub id: SubscriptionId,
    /// The owner. `None` is a global subscription, made by an operator.
    pub owner: Option<String>,
    /// Which events match, by their names.
    pub pattern: Pattern,
    /// A condition on the events' data, if there is one.
    pub filter: Option<Q>,
    /// Where and how deliveries go.
    pub destination: Destination,
    /// The configuration that it comes from; `None` if somebody subscribed.
    pub source: Option<String>,
    /// Since when and why it is disabled; `None` while it is enabled.
    pub disabled: Option<Disabled>,
    /// Since when deliveries have failed for good without one that succeeded; `None` while some succeed.
    pub failing_since: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// The registry's version that created it, from 1.
    pub created_version: i64,
    /// The registry's version that last changed it.
    pub version: i64,
    /// The registry's version that last changed which events it matches: by its pattern, its filter, or by
    /// enabling it.
    pub matches_version: i64,
}

/// Why a subscription is disabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// Since when.
    pub at: Timestamp,
    /// The reason, for a person.
    pub reason: String,
}

impl Subscription {
    /// An enabled subscription that isn't written yet, with version 0.
    pub(super) fn new(
        id: SubscriptionId,
        owner: Option<String>,
        source: Option<String>,
        spec: SubscriptionSpec,
    ) -> Self {
        let now = Timestamp::now();
        let SubscriptionSpec { pattern, filter, destination } = spec;
        Self {
            id,
            owner,
            pattern,
            filter,
            destination,
            source,
            disabled: None,
            failing_since: None,
            created_at: now,
            updated_at: now,
            created_version: 0,
            version: 0,
            matches_version: 0,
        }
    }

    /// Which events go where.
    pub(super) fn spec(&self) -> SubscriptionSpec {
        SubscriptionSpec {
            pattern: self.pattern.clone(),
            filter: self.filter.clone(),
            destination: self.destination.clone(),
        }
    }

    /// Whether it matches an event by everything but the filter: it is enabled, its pattern matches the name,
    /// and the event is addressed to its owner.
    ///
    /// An event is addressed to its sender's subscriptions, and a broadcast to everybody's. A global
    /// subscription takes every sender's events. An event with neither a sender nor `broadcast` goes to global
    /// subscriptions only, so that nothing leaks from one owner to another by omission.
    ///
    /// The filter is evaluated separately, when the event's data is at hand.
    #[must_use]
    pub fn matches(&self, event: &str, sender: Option<&str>, broadcast: bool) -> bool {
        self.disabled.is_none() && self.takes_events_of(sender, broadcast) && self.pattern.matches(event)
    }

    /// Whether an event of this sender is addressed to its owner.
    pub(super) fn takes_events_of(&self, sender: Option<&str>, broadcast: bool) -> bool {
        match &self.owner {
            None => true,
            Some(owner) => broadcast || sender == Some(owner),
        }
    }
}
