//! What follows from an attempt, besides its record.

use std::time::Duration;

use super::{DeliveryReport, Observers};
use crate::{
    Error,
    event::{DELIVERY_FAILED, RenderedEvent, delivery_failed},
    record::DeliveryState,
    subscription::{Registry, Subscription, Subscriptions},
};

/// Status by which a receiver says that it is gone for good.
pub(super) const GONE: u16 = 410;

/// Tells observers, announces what failed for good, and disables subscriptions nothing gets through to.
#[derive(Clone, Debug)]
pub(crate) struct Consequences {
    pub(crate) subscriptions: Subscriptions,
    pub(crate) observers: Observers,
    /// How long a subscription may fail before it is disabled; `None` is for ever.
    pub(crate) disable_after: Option<Duration>,
}

impl Consequences {
    /// The event that the delivery has failed for good, if it has and somebody hears of that. It is
    /// written along with the record. That one of these failed is announced by no further one.
    pub(super) fn announce(
        &self,
        registry: &Registry,
        report: &DeliveryReport,
        own: bool,
        subscription: &Subscription,
    ) -> Option<RenderedEvent> {
        if own || report.state != DeliveryState::Dead {
            return None;
        }
        let mut hearers = Vec::new();
        registry.matching_own(DELIVERY_FAILED, report.owner.as_deref(), &mut hearers);
        if hearers.is_empty() {
            return None;
        }
        match delivery_failed(report, &subscription.url) {
            Ok(event) => Some(event),
            Err(error) => {
                tracing::error!(%error, "a failed delivery can't be announced");
                None
            }
        }
    }

    /// Acts on an attempt that is recorded.
    pub(super) async fn follow(&self, report: &DeliveryReport, subscription: &Subscription) {
        if let Err(error) = self.judge(report, subscription).await {
            tracing::error!(subscription.id = %subscription.id, %error, "the state of a subscription can't be noted");
        }
        self.observers.tell(report);
    }

    async fn judge(&self, report: &DeliveryReport, subscription: &Subscription) -> Result<(), Error> {
        if subscription.is_of_event() {
            if report.status == Some(GONE) {
                tracing::warn!(
                    "the receiver answered 410 Gone; it is this event's own, so there is nothing to disable"
                );
            }
            return Ok(());
        }
        if report.status == Some(GONE) {
            return self.disable(subscription, "the receiver answered 410 Gone").await;
        }
        match report.state {
            DeliveryState::Delivered => self.subscriptions.succeeded(subscription).await,
            DeliveryState::Dead => self.subscriptions.failed(subscription, report.at, self.disable_after).await,
            _ => Ok(()),
        }
    }

    async fn disable(&self, subscription: &Subscription, reason: &str) -> Result<(), Error> {
        tracing::warn!(subscription.id = %subscription.id, "disabling a subscription: {reason}");
        self.subscriptions.disable(subscription.id, reason).await
    }
}
