//! Thorn's own events. Users subscribe to them as to an application's events.
//!
//! Their sender is the owner of the subscription they are about, so the subscriptions of that owner and
//! global subscriptions match. A pattern that begins with a wildcard doesn't match them: a subscriber who
//! asked for all events of an application didn't ask for these.

use serde::Serialize;

use crate::{
    attempt::Outcome,
    delivery::observer::DeliveryReport,
    error::Error,
    event::Event,
    id::{DeliveryId, EventId, SubscriptionId},
    name::{
        DELIVERY_FAILED, SUBSCRIPTION_DISABLED, SUBSCRIPTION_EXPIRING, SUBSCRIPTION_FAILING, SUBSCRIPTION_RECOVERED,
    },
    rendered::RenderedEvent,
    subscription::{Subscription, Warning},
    timestamp::Timestamp,
};

/// The member `data` of [`DELIVERY_FAILED`].
#[derive(Serialize)]
struct Failed<'a> {
    delivery: DeliveryId,
    event: About<'a>,
    subscription: SubscriptionId,
    /// `None` for a subscriber that the event brought. Its URL stays in that event's row.
    url: Option<&'a str>,
    attempts: u32,
    outcome: &'static str,
    status: Option<u16>,
    /// The text of a [public](public_error) error.
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct About<'a> {
    id: EventId,
    name: &'a str,
}

/// The member `data` of [`SUBSCRIPTION_DISABLED`].
#[derive(Serialize)]
struct Disabled<'a> {
    subscription: SubscriptionId,
    event: &'a str,
    url: &'a str,
    reason: &'a str,
}

/// The member `data` of a [`warning`] and of [`SUBSCRIPTION_RECOVERED`].
#[derive(Serialize)]
struct Failing<'a> {
    subscription: SubscriptionId,
    event: &'a str,
    url: &'a str,
    failing_since: Timestamp,
    /// When the subscription will be disabled, unless a delivery succeeds before.
    #[serde(skip_serializing_if = "Option::is_none")]
    disables_at: Option<Timestamp>,
}

impl<'a> Failing<'a> {
    fn of(subscription: &'a Subscription, failing_since: Timestamp) -> Self {
        Self {
            subscription: subscription.id,
            event: subscription.spec.pattern.as_str(),
            url: &subscription.spec.destination.url,
            failing_since,
            disables_at: None,
        }
    }
}

/// The event `delivery.failed`: this delivery failed permanently. The event's id is derived from the
/// delivery's, so that a task that runs twice announces it once.
pub(crate) fn delivery_failed(report: &DeliveryReport, url: Option<&str>) -> Result<RenderedEvent, Error> {
    let data = Failed {
        delivery: report.delivery,
        event: About { id: report.event, name: &report.event_name },
        subscription: report.subscription,
        url,
        attempts: report.attempts,
        outcome: report.outcome.as_str(),
        status: report.status,
        error: public_error(report),
    };
    let event = internal(DELIVERY_FAILED, report.owner.as_deref()).render(&data)?;
    Ok(RenderedEvent { id: EventId::about(report.delivery, report.event), ..event })
}

/// The error, as far as an owner may see it. The text of an exchange that failed says which ports are open inside the
/// operator's network and which internal names exist, so an owner sees the text of a response only. Operators have the
/// log, the history and their own subscriptions.
fn public_error(report: &DeliveryReport) -> Option<&str> {
    let is_public = report.owner.is_none() || report.outcome == Outcome::Rejected;
    report.error.as_deref().filter(|_| is_public)
}

/// The event `subscription.disabled`: this subscription was disabled.
pub(crate) fn subscription_disabled(
    subscription: SubscriptionId,
    owner: Option<&str>,
    event: &str,
    url: &str,
    reason: &str,
) -> Result<RenderedEvent, Error> {
    internal(SUBSCRIPTION_DISABLED, owner).render(&Disabled { subscription, event, url, reason })
}

/// The event of a warning: [`SUBSCRIPTION_FAILING`] or [`SUBSCRIPTION_EXPIRING`].
pub(crate) fn warning(
    subscription: &Subscription,
    warning: Warning,
    failing_since: Timestamp,
    disables_at: Option<Timestamp>,
) -> Result<RenderedEvent, Error> {
    let name = if warning == Warning::Failing { SUBSCRIPTION_FAILING } else { SUBSCRIPTION_EXPIRING };
    let data = Failing { disables_at, ..Failing::of(subscription, failing_since) };
    internal(name, subscription.owner.as_deref()).render(&data)
}

/// The event `subscription.recovered`: a delivery of this subscription succeeded after a warning.
pub(crate) fn recovered(subscription: &Subscription, failing_since: Timestamp) -> Result<RenderedEvent, Error> {
    let data = Failing::of(subscription, failing_since);
    internal(SUBSCRIPTION_RECOVERED, subscription.owner.as_deref()).render(&data)
}

fn internal(name: &str, owner: Option<&str>) -> Event {
    let event = Event::new(name).internal();
    match owner {
        Some(owner) => event.sender(owner),
        None => event,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{attempt::DeliveryState, timestamp::Timestamp};

    fn error(owner: Option<&str>, outcome: Outcome) -> serde_json::Value {
        let (event, subscription) = (EventId::generate(), SubscriptionId::generate());
        let report = DeliveryReport {
            delivery: DeliveryId::derive(event, subscription),
            event,
            event_name: "a.b".to_owned(),
            subscription,
            owner: owner.map(str::to_owned),
            attempts: 1,
            outcome,
            status: None,
            error: Some("tcp connect error: connection refused".to_owned()),
            duration: Duration::ZERO,
            state: DeliveryState::Dead,
            at: Timestamp::now(),
            next_attempt_at: None,
        };
        let body: serde_json::Value = serde_json::from_str(&delivery_failed(&report, None).unwrap().body).unwrap();
        assert_eq!(body["data"]["outcome"], outcome.as_str());
        body["data"]["error"].clone()
    }

    #[test]
    fn an_owner_learns_the_outcome_and_an_operator_the_causes() {
        for outcome in [Outcome::Unreachable, Outcome::TimedOut, Outcome::Blocked] {
            assert_eq!(error(Some("alice"), outcome), serde_json::Value::Null, "{outcome:?}");
            assert_eq!(error(None, outcome), "tcp connect error: connection refused", "{outcome:?}");
        }
        assert!(error(Some("alice"), Outcome::Rejected).is_string());
    }
}
