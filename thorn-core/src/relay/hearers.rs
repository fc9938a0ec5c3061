//! Who hears of an event: the one place that decides it, for claims, due deliveries and audits.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{Relay, pack::stored_options};
use crate::{
    Error, SubscriptionId,
    outbox::entity::Model as EventRow,
    subscription::{Registry, Stored, Subscription, subscribers},
};

/// What filters are about.
#[derive(Deserialize)]
struct Body {
    data: Value,
}

/// Everybody who hears of the event, in place of what `hearers` held. Who has the id of a subscription
/// that hears of it anyway is no second hearer.
pub(crate) fn hearers(
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

impl Relay {
    /// Everybody who hears of the event, in place of what `hearers` held. Who has the id of a
    /// subscription that hears of it anyway is no second hearer.
    pub(super) fn hearers(&self, event: &EventRow, hearers: &mut Vec<Arc<Subscription>>) -> Result<(), Error> {
        self::hearers(&self.registry, event, hearers)
    }

    /// One of those whom the event was fanned out to, unless it is gone since. What it filters by now
    /// is no matter: the event was for it.
    pub(super) fn hearer(&self, event: &EventRow, id: SubscriptionId) -> Result<Option<Arc<Subscription>>, Error> {
        if let Some(subscription) = self.registry.get(id) {
            return Ok(Some(subscription));
        }
        Ok(subscribers(event).iter().find(|own| own.id() == id).and_then(|own| readable(event, own)))
    }
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
