//! The recipients of an event. Claims, due deliveries and audits all use the decision of this module.

use std::{collections::HashMap, sync::Arc};

use serde::Deserialize;
use serde_json::Value;

use super::recipient::Recipient;
use crate::{
    id::{SubscriptionId, TopicId},
    outbox::StoredEvent,
    subscription::{Registry, Subscription},
    tenant::Tenant,
    timestamp::Timestamp,
};

/// The most [work](Q::work) that the fan-out of one event does for the filters of one tenant: about a millisecond. The
/// deliveries of the tenant evaluate the other filters, so that the events of others don't wait for these.
const WORK_PER_TENANT: usize = 1024 * 1024;

/// How much work the fan-out of one event does for the filters of all tenants, and about how much a claim does for those
/// of all events: some 64 milliseconds. Many tenants divide it equally.
const WORK_AT_ONCE: usize = 64 * WORK_PER_TENANT;

/// The work that a tenant has in any case. It is enough for simple filters, however many tenants there are.
const LEAST_WORK: usize = 4 * 1024;

/// The work that filters have been for several events.
#[derive(Debug, Default)]
pub(crate) struct FilterWork(usize);

impl FilterWork {
    /// Whether other events should wait for a later claim.
    pub(crate) const fn is_much(&self) -> bool {
        self.0 >= WORK_AT_ONCE
    }
}

/// The part of a body that filters test.
#[derive(Deserialize)]
struct Body {
    data: Value,
}

/// All recipients of an event: the subscriptions that match, and the subscribers that the event brought. A
/// subscriber with the id of a subscription that already matches isn't added twice. `work` grows by that of the filters.
pub(crate) fn recipients(registry: &Registry, event: &StoredEvent, work: &mut FilterWork) -> Vec<Recipient> {
    if let Some(topic) = event.topic() {
        return of_topic(registry, topic);
    }
    let mut matched = Vec::new();
    let sender = event.sender.as_deref();
    if event.is_internal() {
        registry.matching_internal(&event.name, sender, &mut matched);
    } else {
        registry.matching(&event.name, sender, event.broadcast, &mut matched);
    }
    let mut recipients = filter(event, matched, work);
    for subscriber in &event.subscribers {
        if !recipients.iter().any(|recipient| recipient.id() == subscriber.id()) {
            recipients.extend(of_event(event, subscriber.id()));
        }
    }
    recipients
}

/// The subscriptions of a hub's topic whose lease isn't over.
fn of_topic(registry: &Registry, topic: TopicId) -> Vec<Recipient> {
    let now = Timestamp::now();
    let live = |one: &Arc<Subscription>| one.lease.as_ref().is_some_and(|lease| now < lease.expires_at);
    registry.of_topic(topic).into_iter().filter(live).map(Recipient::Subscribed).collect()
}

/// The recipient with this id, for an event that was already fanned out to this recipient. `None` if the recipient
/// has gone since. The recipient's filter doesn't matter any more, because the fan-out has already applied it.
pub(crate) fn recipient(registry: &Registry, event: &StoredEvent, id: SubscriptionId) -> Option<Recipient> {
    let subscribed = registry.get(id).map(Recipient::Subscribed);
    if event.subscriber(id).is_none() {
        return subscribed;
    }
    if subscribed.is_none() {
        return of_event(event, id);
    }
    // Two recipients have this id. The recipient that got the event first gets it again.
    recipients(registry, event, &mut FilterWork::default()).into_iter().find(|recipient| recipient.id() == id)
}

/// Keeps the subscriptions whose filter lets the event through. The body is parsed only if some subscription
/// has a filter.
fn filter(event: &StoredEvent, matched: Vec<Arc<Subscription>>, total: &mut FilterWork) -> Vec<Recipient> {
    if matched.iter().all(|subscription| subscription.spec.filter.is_none()) {
        return matched.into_iter().map(Recipient::Subscribed).collect();
    }
    if event.is_raw() {
        return filter_raw(event, matched);
    }
    let data = data(event);
    let tenant = |subscription: &Subscription| Tenant::of(subscription.owner.as_deref());
    let with_filter = matched.iter().filter(|subscription| subscription.spec.filter.is_some());
    let mut work: HashMap<Tenant, usize> = with_filter.map(|subscription| (tenant(subscription), 0)).collect();
    let share = share(work.len());
    let decide = |subscription: Arc<Subscription>| {
        let Some(filter) = &subscription.spec.filter else { return Some(Recipient::Subscribed(subscription)) };
        // No filter can match a payload that can't be read, and the other subscriptions must not wait.
        let data = data.as_ref()?;
        let done = work.entry(tenant(&subscription)).or_default();
        let needed = filter.work(data);
        if *done + needed > share {
            return Some(Recipient::Undecided(subscription));
        }
        *done += needed;
        total.0 += needed;
        filter.matches(data, None).then_some(Recipient::Subscribed(subscription))
    };
    matched.into_iter().filter_map(decide).collect()
}

/// The work for each of so many tenants.
fn share(tenants: usize) -> usize {
    (WORK_AT_ONCE / tenants.max(1)).clamp(LEAST_WORK, WORK_PER_TENANT)
}

/// Leaves the filters of a raw event to its deliveries, which read its body. If the body isn't JSON, no filter matches.
fn filter_raw(event: &StoredEvent, matched: Vec<Arc<Subscription>>) -> Vec<Recipient> {
    let is_json = event.raw_head().is_some_and(|head| head.is_json);
    let decide = |subscription: Arc<Subscription>| match &subscription.spec.filter {
        None => Some(Recipient::Subscribed(subscription)),
        Some(_) => is_json.then_some(Recipient::Undecided(subscription)),
    };
    matched.into_iter().filter_map(decide).collect()
}

/// The event's payload. `None` if the body nests too deeply.
fn data(event: &StoredEvent) -> Option<Value> {
    match serde_json::from_str(&event.body) {
        Ok(Body { data }) => Some(data),
        Err(error) => {
            tracing::warn!(event.id = %event.id, %error, "filters can't read the event; no filter lets it through");
            None
        }
    }
}

/// The part of a body that filters test: the payload, or all of a raw event. `None` if the body can't be read; then no
/// filter lets it through.
pub(crate) fn tested(body: &[u8], is_raw: bool) -> Option<Value> {
    if is_raw {
        return serde_json::from_slice(body).ok();
    }
    serde_json::from_slice(body).ok().map(|Body { data }| data)
}

/// A subscriber that the event brought, without its secret. A subscriber that can't be read is left out, so that it
/// doesn't hold up all other events.
fn of_event(event: &StoredEvent, id: SubscriptionId) -> Option<Recipient> {
    match event.subscriber(id)?.without_secret(event.id) {
        Ok(destination) => Some(Recipient::OfEvent { id, destination: Arc::new(destination), tenant: event.tenant() }),
        Err(error) => {
            tracing::error!(%error, "an event's own subscriber can't be read; it is left out");
            None
        }
    }
}

#[cfg(test)]
mod tests;
