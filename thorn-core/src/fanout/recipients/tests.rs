use sea_orm::prelude::Uuid;
use serde_json::json;

use super::*;
use crate::{
    filter::Q,
    pattern::Pattern,
    spec::{Destination, Dialect, SubscriptionSpec},
    tables::event::Model,
};

/// A subscription whose filter reads all of `text`, and doesn't let it through.
fn subscription(owner: usize) -> Arc<Subscription> {
    Arc::new(Subscription {
        id: SubscriptionId::generate(),
        owner: Some(owner.to_string()),
        spec: SubscriptionSpec {
            pattern: Pattern::parse("a.b").unwrap(),
            filter: Some(Q::from_json(&json!({ "text": { "contains": "b" } })).unwrap()),
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

/// How many subscriptions of so many tenants stay undecided, and how much work the others were.
fn undecided(tenants: usize) -> (usize, FilterWork) {
    // The work of one test, with its text, is all that a tenant may have.
    let text = "a".repeat(WORK_PER_TENANT - 64);
    let event = StoredEvent::from(Model {
        id: Uuid::nil(),
        name: "a.b".into(),
        sender: None,
        broadcast: true,
        body: json!({ "data": { "text": text } }).to_string(),
        options: None,
        created_at: 0,
        relayed_at: None,
        fanout: None,
        registry_version: None,
        audit_at: None,
        dispatcher: None,
    });
    let mut work = FilterWork::default();
    let recipients = filter(&event, (0..tenants).map(subscription).collect(), &mut work);
    assert!(recipients.iter().all(Recipient::is_undecided));
    (recipients.len(), work)
}

#[test]
fn many_tenants_divide_the_work_and_after_much_of_it_a_claim_ends() {
    let (few, work) = undecided(2);
    assert_eq!((few, work.0, work.is_much()), (0, 2 * WORK_PER_TENANT, false));
    let (most, work) = undecided(64);
    assert_eq!((most, work.0, work.is_much()), (0, WORK_AT_ONCE, true));
    let (all, work) = undecided(65);
    assert_eq!((all, work.0), (65, 0), "each of their filters is more than its share");
}

#[test]
fn simple_filters_are_evaluated_however_many_tenants_there_are() {
    assert_eq!((share(0), share(1)), (WORK_PER_TENANT, WORK_PER_TENANT));
    assert_eq!(share(1_024) * 1_024, WORK_AT_ONCE);
    assert_eq!(share(1_000_000), LEAST_WORK);
}
