//! Who hears of an event: the one place that decides it, for claims, due deliveries and audits.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::{
    error::Error,
    id::SubscriptionId,
    outbox::{Stored, stored_options, subscribers},
    subscription::{Registry, Subscription},
    tables::event::Model as EventRow,
};

/// What filters are about.
#[derive(Deserialize)]
struct Body {
    data: Value,
}

/// Everybody who hears of the event, in place of what `hearers` held. Who has the id of a subscription
/// that hears of it anyway is no second hearer.
pub(crate) fn recipients(
    registry: &Registry,
    event: &EventRow,
    hearers: &mut Vec<Arc<Subscription>>,
) -> Result<(), Error> {
    hearers.clear();
    let sender = event.sender.as_deref();
    if stored_options(event).is_some_and(|options| options.own) {
        registry.matching_own(&event.name, sender, hearers);
    } else {
        registry.matching(&event.name, sender, event.broadcast, hearers);
    }
    // The body is read only if somebody asks what is in it.
    if hearers.iter().any(|subscription| subscription.filter.is_some()) {
        match serde_json::from_str(&event.body) {
            Ok(Body { data }) => hearers.retain(|one| one.filter.as_ref().is_none_or(|q| q.matches(&data, None))),
            Err(error) => {
                // Nested too deeply. Nobody who filters can want it, and the others' must not wait.
                tracing::warn!(event.id = %event.id, %error, "filters can't read the event; no filter lets it through");
                hearers.retain(|subscription| subscription.filter.is_none());
            }
        }
    }
    for own in subscribers(event) {
        if !hearers.iter().any(|hearer| hearer.id == own.id()) {
            hearers.extend(readable(event, &own));
        }
    }
    Ok(())
}

/// The recipient with this id among those whom the event was fanned out to, unless it is gone since. Its
/// filter doesn't matter any more: the event was for it.
pub(crate) fn recipient(
    registry: &Registry,
    event: &EventRow,
    id: SubscriptionId,
) -> Result<Option<Arc<Subscription>>, Error> {
    let subscribed = registry.get(id);
    let own = subscribers(event);
    let Some(own) = own.iter().find(|own| own.id() == id) else { return Ok(subscribed) };
    if subscribed.is_none() {
        return Ok(readable(event, own));
    }
    // Two have this id: the one that got the event first gets it again.
    let mut all = Vec::new();
    recipients(registry, event, &mut all)?;
    Ok(all.into_iter().find(|recipient| recipient.id == id))
}

/// One that somebody wrote into the row by another way must not hold up all other events.
fn readable(event: &EventRow, own: &Stored) -> Option<Arc<Subscription>> {
    match own.unsigned(event) {
        Ok(subscription) => Some(Arc::new(subscription)),
        Err(error) => {
            tracing::error!(%error, "an event's own subscriber can't be read; it is left out");
            None
        }
    }
}
