//! Who hears of an event: the one place that decides it, for claims, due deliveries and audits.

use std::sync::Arc;

use super::{Relay, pack::stored_options};
use crate::{
    Error, SubscriptionId,
    outbox::entity::Model as EventRow,
    subscription::{Registry, Stored, Subscription, subscribers},
};

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

    /// One of those whom the event was fanned out to, unless it is gone since.
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
