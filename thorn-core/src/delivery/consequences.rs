//! The consequences of an attempt, besides its record.

mod announcement;
mod health;

use std::time::Duration;

use futures::{FutureExt as _, future::BoxFuture};

use self::announcement::delivery_failed;
use super::observer::{DeliveryReport, Observers};
use crate::{
    attempt::DeliveryState,
    error::Error,
    name::DELIVERY_FAILED,
    rendered::RenderedEvent,
    subscription::{Registry, Subscription, Subscriptions},
};

/// The status with which a receiver ends its subscription.
pub(super) const GONE: u16 = 410;

/// Calls observers, announces deliveries that failed permanently, and disables subscriptions that keep failing.
#[derive(Clone, Debug)]
pub(crate) struct Consequences {
    pub(crate) subscriptions: Subscriptions,
    pub(crate) observers: Observers,
    /// How long a subscription may fail before it is disabled. `None` never disables it.
    pub(crate) disable_after: Option<Duration>,
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
        let url = subscription.map(|subscription| &*subscription.destination.url);
        match delivery_failed(report, url) {
            Ok(event) => Some(event),
            Err(error) => {
                tracing::error!(%error, "can't announce a failed delivery");
                None
            }
        }
    }

    /// Updates the subscription and calls the observers, once the attempt is recorded.
    pub(super) async fn follow(&self, report: &DeliveryReport, subscription: Option<&Subscription>) {
        if let Some(update) = self.subscription_update(report, subscription)
            && let Err(error) = update.await
        {
            tracing::error!(subscription.id = %report.subscription, %error, "can't update the state of a subscription");
        }
        self.observers.notify(report);
    }

    /// The change that the attempt makes to the subscription. Most attempts make none.
    fn subscription_update<'a>(
        &'a self,
        report: &DeliveryReport,
        subscription: Option<&'a Subscription>,
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
        match report.state {
            _ if gone => Some(self.disable(subscription, "the receiver answered 410 Gone").boxed()),
            DeliveryState::Delivered if subscription.failing_since.is_some() => {
                Some(self.subscriptions.succeeded(subscription.id).boxed())
            }
            DeliveryState::Dead => Some(self.subscriptions.failed(subscription, report.at, self.disable_after).boxed()),
            _ => None,
        }
    }

    async fn disable(&self, subscription: &Subscription, reason: &str) -> Result<(), Error> {
        tracing::warn!(subscription.id = %subscription.id, "disabling a subscription: {reason}");
        self.subscriptions.disable(subscription.id, reason).await
    }
}
