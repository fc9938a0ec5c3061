//! Reading many changes on several connections at once.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{URL, matched};
use crate::subscription::{access::Access, change::SubscriptionChange, fixture::Fixture, registry::Registry};

/// A registry that reads ranges once more than ten changes may be missing.
fn registry() -> Registry {
    Registry { page: 1, ..Registry::new(None) }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_bring_what_single_pages_bring() {
    let fixture = Fixture::new().await;
    let mut made = Vec::new();
    for n in 0..23 {
        made.push(fixture.create(["alice", "bob"][n % 2], &format!("a.{n}"), URL).await);
    }
    let change = SubscriptionChange::default().pattern("b.*");
    made[3] = fixture.subscriptions.update(Access::Operator, made[3].id, change).await.unwrap();
    fixture.subscriptions.delete(Access::Operator, made.remove(5).id).await.unwrap();
    let registry = registry();
    assert_eq!(registry.refresh(&fixture.db).await.unwrap(), 25);
    assert_eq!(registry.len(), 22);
    for one in &made {
        assert_eq!(*registry.get(one.id).unwrap(), *one);
    }
    assert_eq!(matched(&registry, "b.0", "bob"), [made[3].id]);
    let later = fixture.create("alice", "c.*", URL).await;
    assert_eq!(registry.refresh(&fixture.db).await.unwrap(), 26);
    assert_eq!(*registry.get(later.id).unwrap(), later);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_changes_while_ranges_are_read_is_not_lost() {
    let fixture = Fixture::new().await;
    let first = fixture.create("alice", "a.0", URL).await.id;
    for n in 1..20 {
        fixture.create("alice", &format!("a.{n}"), URL).await;
    }
    let done = AtomicBool::new(false);
    let write = async {
        while !done.load(Ordering::Relaxed) {
            let change = SubscriptionChange::default();
            fixture.subscriptions.update(Access::Operator, first, change).await.unwrap();
        }
    };
    let read = async {
        for _ in 0..20 {
            let registry = registry();
            let version = registry.refresh(&fixture.db).await.unwrap();
            assert_eq!(registry.len(), 20);
            assert!(registry.get(first).unwrap().version <= version);
        }
        done.store(true, Ordering::Relaxed);
    };
    futures::join!(write, read);
}
