//! Thorn's own events, which one may subscribe to like an application's.
//!
//! Their sender is the owner of the subscription they are about, so its owner hears of them, and
//! operators do. A pattern that begins with a wildcard doesn't mean them: who asked for everything
//! an application has to say didn't ask for this.

use serde::Serialize;

use crate::{
    delivery::observer::DeliveryReport,
    error::Error,
    event::Event,
    id::{DeliveryId, EventId, SubscriptionId},
    name::{DELIVERY_FAILED, SUBSCRIPTION_DISABLED},
    rendered::RenderedEvent,
};

/// `data` of [`DELIVERY_FAILED`].
#[derive(Serialize)]
struct Failed<'a> {
    delivery: DeliveryId,
    event: About<'a>,
    subscription: SubscriptionId,
    /// None for an event's own subscriber, whose URL stays in that event's row.
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

/// `data` of [`SUBSCRIPTION_DISABLED`].
#[derive(Serialize)]
struct Disabled<'a> {
    subscription: SubscriptionId,
    event: &'a str,
    url: &'a str,
    reason: &'a str,
}

/// The event that this delivery has failed for good. Its id is derived from the delivery's, so that
/// a task that ran twice announces it once.
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
    let event = own(DELIVERY_FAILED, report.owner.as_deref()).render(&data)?;
    Ok(RenderedEvent { id: EventId::about(report.delivery, report.event), ..event })
}

/// The event that this subscription was disabled.
pub(crate) fn subscription_disabled(
    subscription: SubscriptionId,
    owner: Option<&str>,
    event: &str,
    url: &str,
    reason: &str,
) -> Result<RenderedEvent, Error> {
    own(SUBSCRIPTION_DISABLED, owner).render(&Disabled { subscription, event, url, reason })
}

fn own(name: &str, owner: Option<&str>) -> Event {
    let event = Event::new(name).internal();
    match owner {
        Some(owner) => event.sender(owner),
        None => event,
    }
}
