//! The consequences of an attempt, besides its record.

mod announcement;
mod errback;
mod health;
mod response;
mod warnings;

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};

use self::{announcement::delivery_failed, errback::dispatch_failed, response::dispatch_response};
use super::{
    client::KeptResponse,
    observer::{DeliveryReport, Observers},
};
use crate::{
    attempt::{DeliveryState, HoldPolicy, PausePolicy},
    db::with_timeout,
    endpoint::Streak,
    error::Error,
    metrics::Counters,
    name::DELIVERY_FAILED,
    outbox::StoredEvent,
    rendered::{EventOptions, RenderedEvent},
    subscription::{Hold, Registry, Subscription, Subscriptions},
    tenant::{Permit, Shares, Tenant},
    timestamp::Timestamp,
};

/// The status with which a receiver ends its subscription.
pub(super) const GONE: u16 = 410;

/// A failure that has lasted for this time is noted, even if its deliveries are neither held nor given up.
const NOTABLE: Duration = Duration::from_secs(60);

/// Calls observers, announces deliveries that failed permanently, and disables subscriptions that keep failing.
#[derive(Clone, Debug)]
pub(crate) struct Consequences {
    pub(crate) subscriptions: Subscriptions,
    pub(crate) observers: Observers,
    /// How long a subscription may fail before it is disabled. `None` never disables it.
    pub(crate) disable_after: Option<Duration>,
    /// When deliveries to an endpoint that keeps failing are held.
    pub(crate) hold: HoldPolicy,
    /// When a paused subscription is disabled.
    pub(crate) pause: PausePolicy,
    pub(crate) updates: Updates,
}

/// The turns in which subscriptions are updated. Each update locks the same row, so more at once would only keep
/// connections from everybody else. Owners alternate: one whose thousand endpoints fail delays nobody.
#[derive(Clone, Debug)]
pub(crate) struct Updates(Arc<Shares>);

impl Default for Updates {
    fn default() -> Self {
        Self(Arc::new(Shares::new(1, 1)))
    }
}

impl Updates {
    /// Waits for a turn of this owner's.
    async fn turn(&self, owner: Option<&str>) -> Permit<'_> {
        self.0.part(Some(Tenant::of(owner))).await.permit().await
    }
}

/// An attempt's share in its endpoint's failures. A success has none.
#[derive(Clone, Debug, Default)]
pub(crate) struct Failing {
    /// The failed attempts in a row, if this is one of them.
    pub(crate) streak: Option<Streak>,
    /// The hold that the attempt replaces, and the one that it begins. This is rare, so it takes little memory.
    pub(crate) hold: Option<Box<(Option<Hold>, Hold)>>,
    /// Whether the receiver answered 429, so that the subscription's rate slows down, and the wait that it asked for.
    pub(crate) slows: Option<Option<Duration>>,
    /// Whether the attempt was a probe that ends a hold.
    pub(crate) ends_hold: bool,
}

impl Consequences {
    /// The event `delivery.failed`, if the delivery failed permanently and a subscription matches that event.
    /// The recorder writes it together with the record. A failed delivery of thorn's own events isn't announced.
    pub(super) fn announce(
        &self,
        registry: &Registry,
        report: &DeliveryReport,
        internal: bool,
        subscription: Option<&Subscription>,
    ) -> Option<RenderedEvent> {
        if internal || report.state != DeliveryState::Dead {
            return None;
        }
        let mut matched = Vec::new();
        registry.matching_internal(DELIVERY_FAILED, report.owner.as_deref(), &mut matched);
        if matched.is_empty() {
            return None;
        }
        let url = subscription.map(|subscription| &*subscription.spec.destination.url);
        match delivery_failed(report, url) {
            Ok(event) => Some(event),
            Err(error) => {
                tracing::error!(%error, "can't announce a failed delivery");
                None
            }
        }
    }

    /// The events that the delivery's event asked for: one for its errback if the delivery failed permanently, and one
    /// with the response. The recorder writes them together with the record.
    pub(super) fn report(
        &self,
        registry: &Registry,
        report: &DeliveryReport,
        event: &StoredEvent,
        options: &EventOptions,
        response: Option<KeptResponse>,
    ) -> Vec<RenderedEvent> {
        let (retry, key) = (options.retry.as_ref(), registry.key());
        let errback = event.errback.as_ref().filter(|_| report.state == DeliveryState::Dead);
        let failed = errback.map(|errback| dispatch_failed(report, event, errback, retry, key));
        let responded = response.and_then(|response| dispatch_response(report, event, response, retry, key));
        let rendered = |made: Result<RenderedEvent, Error>| match made {
            Ok(event) => Some(event),
            Err(error) => {
                tracing::error!(event.id = %event.id, %error, "can't report on a delivery to its caller");
                None
            }
        };
        failed.into_iter().chain(responded).filter_map(rendered).collect()
    }

    /// Updates the subscription and calls the observers, once the attempt is recorded.
    pub(super) async fn follow(
        &self,
        report: &DeliveryReport,
        subscription: Option<&Subscription>,
        failing: Failing,
        counters: &Counters,
    ) {
        // Most attempts change nothing, and a timer for each would cost more than the rest of this.
        if let Some(update) = self.subscription_update(report, subscription, failing, counters) {
            let _turn = self.updates.turn(report.owner.as_deref()).await;
            if let Err(error) = with_timeout(&self.subscriptions.db, update).await {
                tracing::error!(subscription.id = %report.subscription, %error, "can't update the state of a subscription");
            }
        }
        self.observers.notify(report);
    }

    /// The change that the attempt makes to the subscription. Most attempts make none.
    fn subscription_update<'a>(
        &'a self,
        report: &'a DeliveryReport,
        subscription: Option<&'a Subscription>,
        failing: Failing,
        counters: &'a Counters,
    ) -> Option<BoxFuture<'a, Result<(), Error>>> {
        let gone = report.status == Some(GONE);
        let Some(subscription) = subscription else {
            if gone {
                tracing::warn!(
                    "the receiver answered 410 Gone; the event brought it, so there is no subscription to disable"
                );
            }
            return None;
        };
        if gone && subscription.lease.is_some() {
            return Some(self.end(subscription).boxed());
        }
        if gone {
            return Some(self.disable(subscription, "the receiver answered 410 Gone").boxed());
        }
        let is_delivered = report.state == DeliveryState::Delivered;
        let was_failing = subscription.failing_since.is_some() || subscription.held.is_some();
        if failing.ends_hold || is_delivered && was_failing {
            return Some(self.subscriptions.succeeded(subscription).boxed());
        }
        if is_delivered {
            return None;
        }
        // A user who has changed the subscription since, for instance enabled it again, begins a new time.
        let since = failing.streak.map_or(report.at, |streak| streak.since).max(subscription.updated_at);
        let is_notable =
            report.state == DeliveryState::Dead || failing.hold.is_some() || report.at.since(since) >= NOTABLE;
        is_notable.then(|| self.failed(subscription, since, report.at, failing.hold, counters).boxed())
    }

    /// Notes a failure, which may disable the subscription or hold its deliveries.
    async fn failed(
        &self,
        subscription: &Subscription,
        since: Timestamp,
        now: Timestamp,
        hold: Option<Box<(Option<Hold>, Hold)>>,
        counters: &Counters,
    ) -> Result<(), Error> {
        // A subscription of a hub's topic stays until its lease ends.
        let patience = self.disable_after.filter(|_| subscription.lease.is_none());
        self.subscriptions.failed(subscription, since, now, patience).await?;
        let Some((before, after)) = hold.map(|hold| *hold) else { return Ok(()) };
        if self.subscriptions.hold(subscription, before.as_ref(), &after).await?
            && let Some(cause) = &after.cause
        {
            counters.held(cause.reason);
            tracing::warn!(
                subscription.id = %subscription.id, until = %after.until, step = after.step,
                reason = %cause.reason, status = cause.status, error = cause.error,
                "holding deliveries: the endpoint keeps failing, or asked for a pause"
            );
        }
        Ok(())
    }

    /// Ends the subscription of a hub's topic. Its subscriber may subscribe again.
    async fn end(&self, subscription: &Subscription) -> Result<(), Error> {
        tracing::info!(subscription.id = %subscription.id, "ending a subscription: the callback answered 410 Gone");
        self.subscriptions.end_in_silence(subscription.id).await
    }

    async fn disable(&self, subscription: &Subscription, reason: &str) -> Result<(), Error> {
        tracing::warn!(subscription.id = %subscription.id, "disabling a subscription: {reason}");
        self.subscriptions.disable(subscription.id, reason).await
    }
}
