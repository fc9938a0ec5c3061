//! Thorn's own events. Users subscribe to them as to an application's events.
//!
//! Their sender is the owner of the subscription they are about, so the subscriptions of that owner and
//! global subscriptions match. A pattern that begins with a wildcard doesn't match them: a subscriber who
//! asked for all events of an application didn't ask for these.

use serde::Serialize;

use crate::{
    delivery::observer::DeliveryReport,
    error::Error,
    event::Event,
    id::{DeliveryId, EventId, SubscriptionId},
    name::{DELIVERY_FAILED, SUBSCRIPTION_DISABLED},
    rendered::RenderedEvent,
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
        error: report.error.as_deref(),
    };
    let event = internal(DELIVERY_FAILED, report.owner.as_deref()).render(&data)?;
    Ok(RenderedEvent { id: EventId::about(report.delivery, report.event), ..event })
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

fn internal(name: &str, owner: Option<&str>) -> Event {
    let event = Event::new(name).internal();
    match owner {
        Some(owner) => event.sender(owner),
        None => event,
    }
}
