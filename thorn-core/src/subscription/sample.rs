//! A subscription for tests that need no store.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use super::entry::Subscription;
use crate::{
    filter::Q,
    id::SubscriptionId,
    pattern::Pattern,
    spec::{Destination, Dialect, SubscriptionSpec},
    timestamp::Timestamp,
};

/// An owner's subscription as it is after its creation, without a store.
pub(crate) fn sample(owner: Option<&str>, pattern: &str, filter: Option<Q>) -> Arc<Subscription> {
    Arc::new(Subscription {
        id: SubscriptionId::generate(),
        owner: owner.map(str::to_owned),
        spec: SubscriptionSpec {
            pattern: Pattern::parse(pattern).unwrap(),
            filter,
            destination: Destination::new("https://a.example/"),
            rate: None,
            max_in_flight: None,
            dialect: Dialect::default(),
        },
        source: None,
        disabled: None,
        failing_since: None,
        warned: None,
        paused_at: None,
        confirmation: None,
        held: None,
        lease: None,
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
        created_version: 1,
        version: 1,
        matches_version: 1,
    })
}
