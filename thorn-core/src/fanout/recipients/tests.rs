use sea_orm::prelude::Uuid;
use serde_json::json;

use super::*;
use crate::{filter::Q, outbox::fixture, subscription::sample};

/// A subscription whose filter reads all of `text`, and doesn't let it through.
fn subscription(owner: usize) -> Arc<Subscription> {
    let filter = Q::from_json(&json!({ "text": { "contains": "b" } })).unwrap();
    sample(Some(&owner.to_string()), "a.b", Some(filter))
}

/// How many subscriptions of so many tenants stay undecided, and how much work the others were.
fn undecided(tenants: usize) -> (usize, FilterWork) {
    // The work of one test, with its text, is all that a tenant may have.
    let text = "a".repeat(WORK_PER_TENANT - 64);
    let event = fixture::event(Uuid::nil(), None, json!({ "data": { "text": text } }).to_string());
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
