//! The quotas: the subscriptions that count, the exempt ones, and the meaning of each limit.

use serde_json::json;
use thorn::{
    Error,
    subscription::{Access, ConfiguredSubscription, NewSubscription, Quota, SubscriptionChange},
};

use super::{HOSTS, config, count, create, excess, new, per_host};
use crate::app::TestApp;

#[tokio::test]
async fn an_owner_with_all_their_subscriptions_gets_no_more_and_a_neighbour_does_not_notice() {
    let app = TestApp::with(config(Some(3), None)).await;
    let subscriptions = app.thorn.subscriptions();
    for (n, host) in HOSTS.iter().enumerate().take(3) {
        create(&app.thorn, "alice", n, host).await;
    }
    for owner in ["bob", "Alice", "alice ", "alic"] {
        create(&app.thorn, owner, 0, HOSTS[0]).await;
    }
    let refused = subscriptions.create(new("alice", 3, HOSTS[0])).await;
    assert_eq!(excess(refused), (Quota::PerOwner, 3, 3));
    assert_eq!(excess(subscriptions.check(&new("alice", 3, HOSTS[0])).await), (Quota::PerOwner, 3, 3));
    assert_eq!((count(&app.thorn, "alice").await, count(&app.thorn, "bob").await), (3, 1));
    // The error says what helps: a duplicate is one even then, and so is a wrong field.
    for same in [new("alice", 0, HOSTS[0]), new("alice", 4, "nowhere")] {
        assert!(matches!(subscriptions.create(same.clone()).await, Err(Error::Subscription(_))));
        assert!(matches!(subscriptions.check(&same).await, Err(Error::Subscription(_))));
    }
    create(&app.thorn, "bob", 1, HOSTS[1]).await;
}

#[tokio::test]
async fn a_deleted_one_makes_a_place_and_a_disabled_one_keeps_its_own() {
    let app = TestApp::with(config(Some(2), Some(1))).await;
    let subscriptions = app.thorn.subscriptions();
    let first = create(&app.thorn, "alice", 0, HOSTS[0]).await;
    let second = create(&app.thorn, "alice", 1, HOSTS[1]).await;
    subscriptions.update(Access::Owner("alice"), first.id, SubscriptionChange::default().enabled(false)).await.unwrap();
    subscriptions.disable(second.id, "the receiver answered 410 Gone").await.unwrap();
    excess(subscriptions.create(new("alice", 2, HOSTS[2])).await);
    subscriptions.delete(Access::Owner("alice"), first.id).await.unwrap();
    assert_eq!(excess(subscriptions.create(new("alice", 2, HOSTS[1])).await), (per_host("127.0.0.2"), 1, 1));
    let third = create(&app.thorn, "alice", 2, HOSTS[0]).await;
    // Every change of one that is there is fine: none needs another place.
    for change in [
        SubscriptionChange::default().enabled(true),
        SubscriptionChange::default().pattern("another"),
        SubscriptionChange::default().url("http://127.0.0.1:80/elsewhere"),
        SubscriptionChange::default().url("http://127.0.0.3:80/"),
    ] {
        subscriptions.update(Access::Owner("alice"), third.id, change).await.unwrap();
    }
    create_and_delete_often(&app).await;
    assert_eq!(count(&app.thorn, "alice").await, 2);
}

async fn create_and_delete_often(app: &TestApp) {
    for n in 10..20 {
        let one = create(&app.thorn, "carol", n, HOSTS[n % 3]).await;
        app.thorn.subscriptions().delete(Access::Owner("carol"), one.id).await.unwrap();
    }
}

#[tokio::test]
async fn one_host_is_one_in_every_spelling_and_a_move_needs_a_place_there() {
    let app = TestApp::with(config(None, Some(2))).await;
    let subscriptions = app.thorn.subscriptions();
    create(&app.thorn, "alice", 0, "http://127.0.0.1:9/a").await;
    create(&app.thorn, "alice", 1, "http://127.1:8080/b?c").await;
    let refused = subscriptions.create(new("alice", 2, "HTTP://2130706433/")).await;
    assert_eq!(excess(refused), (per_host("127.0.0.1"), 2, 2));
    let elsewhere = create(&app.thorn, "alice", 2, HOSTS[1]).await;
    create(&app.thorn, "bob", 2, HOSTS[0]).await;

    let there = SubscriptionChange::default().url(HOSTS[0]);
    let owner = Access::Owner("alice");
    let refused = subscriptions.update(owner, elsewhere.id, there.clone()).await;
    assert_eq!(excess(refused), (per_host("127.0.0.1"), 2, 2));
    assert_eq!(excess(subscriptions.check_change(owner, elsewhere.id, &there).await).0, per_host("127.0.0.1"));
    assert_eq!(subscriptions.get(owner, elsewhere.id).await.unwrap(), elsewhere, "nothing has changed");
    let away = SubscriptionChange::default().url(HOSTS[2]);
    let moved = subscriptions.update(owner, elsewhere.id, away).await.unwrap();
    // Its former place is free again.
    for n in 3..5 {
        create(&app.thorn, "alice", n, HOSTS[1]).await;
    }
    let moved = subscriptions.update(Access::Operator, moved.id, there).await.unwrap();
    assert_eq!(moved.spec.destination.url, HOSTS[0], "an operator may");
    assert_eq!(excess(subscriptions.create(new("alice", 9, HOSTS[0])).await), (per_host("127.0.0.1"), 3, 2));
}

#[tokio::test]
async fn global_and_configured_subscriptions_are_exempt() {
    let app = TestApp::with(config(Some(1), Some(1))).await;
    for n in 0..4 {
        let global = NewSubscription::new(format!("event.{n}"), HOSTS[0]);
        app.thorn.subscriptions().create(global).await.unwrap();
    }
    let list = (0..4).map(|n| ConfiguredSubscription::unsigned(format!("event.{n}"), HOSTS[0]).owner("alice"));
    app.thorn.configure_subscriptions("blog", list).await.unwrap();
    assert_eq!(count(&app.thorn, "alice").await, 4);
    create(&app.thorn, "alice", 0, HOSTS[0]).await;
    assert_eq!(excess(app.thorn.subscriptions().create(new("alice", 1, HOSTS[1])).await), (Quota::PerOwner, 1, 1));
}

#[tokio::test]
async fn none_sets_no_bound_0_leaves_creating_to_operators_and_a_lower_limit_takes_nothing() {
    let app = TestApp::with(config(None, None)).await;
    for n in 0..120 {
        create(&app.thorn, "alice", n, HOSTS[0]).await;
    }
    let default = app.sibling(app_default()).await;
    let refused = default.subscriptions().create(new("alice", 120, HOSTS[1])).await;
    assert_eq!(excess(refused), (Quota::PerOwner, 120, 100));
    let closed = app.sibling(config(Some(0), None)).await;
    let refused = closed.subscriptions().create(new("bob", 0, HOSTS[0])).await.unwrap_err();
    assert!(refused.to_string().contains("only an operator can create subscriptions"), "{refused}");
    closed.subscriptions().create(NewSubscription::new("event.0", HOSTS[0])).await.unwrap();
    let first = closed.subscriptions().list(Access::Owner("alice"), Default::default()).await.unwrap().remove(0);
    let change = SubscriptionChange::default().pattern("another").enabled(false);
    closed.subscriptions().update(Access::Owner("alice"), first.id, change).await.unwrap();
    closed.subscriptions().delete(Access::Owner("alice"), first.id).await.unwrap();
    app.ignore_the_rest();
}

/// The limits that hold if nobody sets others.
fn app_default() -> thorn::Config {
    let default = thorn::Config::default();
    assert_eq!((default.max_subscriptions, default.max_subscriptions_per_host), (Some(100), Some(20)));
    config(default.max_subscriptions, default.max_subscriptions_per_host)
}

#[tokio::test]
async fn headers_and_filters_of_more_than_64_kib_are_possible_for_nobody() {
    let app = TestApp::new().await;
    let headers = |bytes: usize| {
        let mut one = NewSubscription::new("a.b", HOSTS[0]);
        one.spec.headers = Some([("X-A", "x".repeat(bytes - 3))].into_iter().collect());
        one
    };
    let filter = |bytes: usize| {
        let mut one = NewSubscription::new("a.b", HOSTS[0]);
        // The text of the filter is `{"a":{"eq":"…"}}`.
        one.spec.filter = Some(json!({ "a": "x".repeat(bytes - 15) }));
        one
    };
    for (name, most, more) in
        [("max_header_bytes", headers(65_536), headers(65_537)), ("max_filter_bytes", filter(65_536), filter(65_537))]
    {
        let told = format!("65537 bytes, and the limit is 65536 (`{name}`");
        let refused = app.thorn.subscriptions().check(&more).await.unwrap_err().to_string();
        assert!(refused.contains(&told) && refused.ends_with("no more are possible"), "{refused}");
        // Every database has room for what is allowed.
        let made = app.thorn.subscriptions().create(most).await.unwrap();
        app.unsubscribe(&made).await;
    }
}
