//! Who hears of an event: the one place that decides it, for claims, due deliveries and audits.

use std::sync::Arc;

use super::{Relay, pack::stored_options};
use crate::{Error, SubscriptionId, outbox::entity::Model as EventRow, subscription::Subscription};

impl Relay {
    /// Everybody who hears of the event, in place of what `hearers` held.
    pub(super) fn hearers(&self, event: &EventRow, hearers: &mut Vec<Arc<Subscription>>) -> Result<(), Error> {
        hearers.clear();
        let sender = event.sender.as_deref();
        if stored_options(event).is_some_and(|options| options.own) {
            self.registry.matching_own(&event.name, sender, hearers);
        } else {
            self.registry.matching(&event.name, sender, event.broadcast, hearers);
        }
        Ok(())
    }

    /// One of those whom the event was fanned out to, unless it is gone since.
    pub(super) fn hearer(&self, _event: &EventRow, id: SubscriptionId) -> Result<Option<Arc<Subscription>>, Error> {
        Ok(self.registry.get(id))
    }
}
