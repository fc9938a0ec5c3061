//! What follows from an attempt, besides its record.

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
                tracing::error!(%error, "a failed delivery can't be announced");
                None
            }
        }
    }

    /// Acts on an attempt that is recorded.
    pub(super) async fn follow(&self, report: &DeliveryReport, subscription: Option<&Subscription>) {
        if let Some(noting) = self.judge(report, subscription)
            && let Err(error) = noting.await
        {
            tracing::error!(subscription.id = %report.subscription, %error, "the state of a subscription can't be noted");
        }
        self.observers.tell(report);
    }

    /// What is to be noted about the subscription; nothing after most attempts.
    fn judge<'a>(
        &'a self,
        report: &DeliveryReport,
        subscription: Option<&'a Subscription>,
    ) -> Option<BoxFuture<'a, Result<(), Error>>> {
        let gone = report.status == Some(GONE);
        let Some(subscription) = subscription else {
            if gone {
                tracing::warn!("the receiver answered 410 Gone; the event brought it, so nothing is disabled");
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
