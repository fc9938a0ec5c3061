//! The type that represents a subscription in the rest of thorn.

use std::sync::Arc;

use super::confirmation::Confirmation;
use crate::{
    attempt::{Attempt, HoldReason},
    id::{SubscriptionId, TopicId},
    spec::SubscriptionSpec,
    timestamp::Timestamp,
};

/// An owner's request to receive the events that a pattern matches.
///
/// `Debug` shows neither the secret nor the headers' values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The subscription's identifier.
    pub id: SubscriptionId,
    /// The owner. `None` means a global subscription, which an operator made.
    pub owner: Option<String>,
    /// Which events go where.
    pub spec: SubscriptionSpec,
    /// The configuration that the subscription comes from; `None` if a user subscribed.
    pub source: Option<String>,
    /// When and why the subscription was disabled; `None` while it is enabled.
    pub disabled: Option<Box<Disabled>>,
    /// The time of the first failed attempt since the last success. `None` while deliveries succeed, and for a failure
    /// that is too short to be noted.
    pub failing_since: Option<Timestamp>,
    /// The latest warning since then.
    pub warned: Option<Warning>,
    /// Since when a user has paused the subscription. Its deliveries wait until it is resumed.
    pub paused_at: Option<Timestamp>,
    /// The hold of the subscription's deliveries; `None` while they are sent.
    pub held: Option<Box<Hold>>,
    /// The topic and the lease of a hub's subscription; `None` for all others.
    pub lease: Option<Box<Lease>>,
    /// Whether the owner's endpoint wants the deliveries; `None` if it needn't say so.
    pub confirmation: Option<Confirmation>,
    /// When the subscription was created.
    pub created_at: Timestamp,
    /// When the subscription was last changed.
    pub updated_at: Timestamp,
    /// The registry version that created the subscription, from 1.
    pub created_version: i64,
    /// The registry version that last changed the subscription.
    pub version: i64,
    /// The registry version that last changed which events match: a change of the pattern or the filter, or
    /// enabling the subscription.
    pub matches_version: i64,
}

/// When and why a subscription was disabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// When the subscription was disabled.
    pub at: Timestamp,
    /// The reason, in words for a human reader.
    pub reason: String,
}

/// The topic of a hub's subscription, and the time for which it was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The topic. The subscription gets its updates and no other events.
    pub topic: TopicId,
    /// The URL of the topic, exactly as the subscriber gave it.
    pub topic_given: String,
    /// When the subscription ends. Nothing is sent afterwards.
    pub expires_at: Timestamp,
    /// When the hub asks the subscriber whether the lease goes on. `None` if it doesn't ask.
    pub renew_at: Option<Timestamp>,
}

/// A pause of the deliveries to an endpoint that keeps failing. Nothing is lost meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// When one delivery may be tried as a probe. If it succeeds, the hold ends, otherwise a longer one begins.
    pub until: Timestamp,
    /// How many holds have followed one another, with this one; from 1.
    pub step: u32,
    /// While a probe is under way: when another delivery may be the probe, in case this one's result never comes.
    pub probed_until: Option<Timestamp>,
    /// Why and since when deliveries are held. `None` for a hold that an earlier release of thorn has begun.
    pub cause: Option<Arc<HoldCause>>,
}

/// Why and since when the deliveries of a subscription are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldCause {
    /// When the first of the holds began that have followed one another.
    pub since: Timestamp,
    /// How the attempt went that began the present hold.
    pub reason: HoldReason,
    /// The HTTP status of that attempt's response, if there was one.
    pub status: Option<u16>,
    /// The error of that attempt, at most 190 characters. It may tell which ports and names exist inside your network, so
    /// owners shouldn't see it if there was no response.
    pub error: Option<String>,
}

/// A warning that a subscription keeps failing. A later one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Warning {
    /// No delivery has succeeded for 15 minutes: [`SUBSCRIPTION_FAILING`](crate::event::SUBSCRIPTION_FAILING).
    Failing = 1,
    /// Half the time until the subscription is disabled has passed:
    /// [`SUBSCRIPTION_EXPIRING`](crate::event::SUBSCRIPTION_EXPIRING).
    HalfExpired = 2,
    /// Nine tenths of that time have passed. The event is the same.
    NearlyExpired = 3,
}

impl Warning {
    pub(super) const ALL: [Self; 3] = [Self::Failing, Self::HalfExpired, Self::NearlyExpired];

    /// The number in the database.
    pub(super) const fn number(self) -> i32 {
        self as i32
    }

    pub(super) fn from_number(number: i32) -> Option<Self> {
        Self::ALL.into_iter().rfind(|warning| warning.number() <= number)
    }
}

/// How far a hold is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HoldStage {
    /// Nothing is sent until then.
    Waiting(Timestamp),
    /// A probe is under way. Its result ends the hold or begins the next one.
    Probed,
    /// The next delivery is the probe.
    Over,
}

/// The most characters of an error that are kept.
const ERROR_CHARACTERS: usize = 190;

impl HoldCause {
    /// The cause of a hold that this attempt begins at this moment, in place of the hold `before`.
    pub(crate) fn of(attempt: &Attempt, before: Option<&Hold>, now: Timestamp) -> Self {
        let error = attempt.error.as_ref().map(|error| error.chars().take(ERROR_CHARACTERS).collect());
        let since = before.and_then(|before| before.cause.as_ref()).map_or(now, |cause| cause.since);
        Self { since, reason: HoldReason::of(attempt), status: attempt.status, error }
    }
}

impl Hold {
    pub(crate) fn stage(&self, now: Timestamp) -> HoldStage {
        match self.probed_until {
            _ if self.until > now => HoldStage::Waiting(self.until),
            Some(until) if until > now => HoldStage::Probed,
            _ => HoldStage::Over,
        }
    }
}

impl Subscription {
    /// An enabled subscription that isn't stored yet. All its versions are 0.
    pub(super) fn new(
        id: SubscriptionId,
        owner: Option<String>,
        source: Option<String>,
        spec: SubscriptionSpec,
    ) -> Self {
        let now = Timestamp::now();
        Self {
            id,
            owner,
            spec,
            source,
            disabled: None,
            failing_since: None,
            warned: None,
            paused_at: None,
            held: None,
            lease: None,
            confirmation: None,
            created_at: now,
            updated_at: now,
            created_version: 0,
            version: 0,
            matches_version: 0,
        }
    }

    /// Whether the subscription matches an event, without regard to the filter.
    ///
    /// The subscription must be enabled, its pattern must match the event's name, and the event must be addressed
    /// to its owner. A subscription of a hub's topic matches no name. An event is addressed to the subscriptions of its sender. A broadcast is addressed to all
    /// subscriptions. A global subscription receives every sender's events. An event with neither a sender nor
    /// `broadcast` goes only to global subscriptions, so a forgotten sender never leaks an event to another owner.
    ///
    /// The filter is evaluated separately, when the event's data is available.
    #[must_use]
    pub fn matches(&self, event: &str, sender: Option<&str>, broadcast: bool) -> bool {
        self.is_matched_by_name() && self.takes_events_of(sender, broadcast) && self.spec.pattern.matches(event)
    }

    /// Whether events' names decide what the subscription receives. It must be enabled and not refused by its endpoint, and not one of a hub's topic.
    pub(super) const fn is_matched_by_name(&self) -> bool {
        self.disabled.is_none() && self.lease.is_none() && !self.is_refused()
    }

    /// Whether the endpoint has refused the subscription's deliveries, so that it matches no events.
    pub(super) const fn is_refused(&self) -> bool {
        matches!(self.confirmation, Some(Confirmation::Refused { .. }))
    }

    /// Whether the endpoint must say that it wants the deliveries, and hasn't.
    pub(super) const fn lacks_confirmation(&self) -> bool {
        matches!(self.confirmation, Some(Confirmation::Pending | Confirmation::Refused { .. }))
    }

    /// The same subscription with another confirmation. After a refusal, it matches events again from its version on.
    pub(super) fn with_confirmation(self, confirmation: Option<Confirmation>) -> Self {
        let is_matched_again = self.is_refused() && confirmation != self.confirmation;
        let matches_version = if is_matched_again { self.version } else { self.matches_version };
        Self { confirmation, matches_version, ..self }
    }

    /// Since when deliveries are kept instead of sent: because of a pause, or until the endpoint has confirmed.
    pub(crate) fn kept_since(&self) -> Option<Timestamp> {
        self.paused_at.or((self.confirmation == Some(Confirmation::Pending)).then_some(self.updated_at))
    }

    /// Whether an event of this sender is addressed to the subscription's owner.
    pub(super) fn takes_events_of(&self, sender: Option<&str>, broadcast: bool) -> bool {
        match &self.owner {
            None => true,
            Some(owner) => broadcast || sender == Some(owner),
        }
    }
}
