//! Many requests for the last place, from several processes' connections.

use futures::future::join_all;
use thorn::{
    Thorn,
    subscription::{Access, Quota, SubscriptionChange},
};

use super::{HOSTS, config, count, create, excess, new, per_host};
use crate::app::TestApp;

const AT_ONCE: usize = 20;

/// As many as there are requests, on four pools.
async fn siblings(app: &TestApp, config: thorn::Config) -> Vec<Thorn> {
    let mut pools = Vec::new();
    for _ in 0..4 {
        pools.push(app.sibling(config.clone()).await);
    }
    (0..AT_ONCE).map(|n| pools[n % pools.len()].clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_one_of_many_gets_the_last_place() {
    let config = config(Some(5), None);
    let app = TestApp::with(config.clone()).await;
    for n in 0..4 {
        create(&app.thorn, "alice", n, HOSTS[0]).await;
    }
    let creating = siblings(&app, config).await.into_iter().enumerate().map(|(n, thorn)| {
        tokio::spawn(async move { thorn.subscriptions().create(new("alice", 100 + n, HOSTS[n % 3])).await })
    });
    let (made, refused): (Vec<_>, Vec<_>) =
        join_all(creating).await.into_iter().map(Result::unwrap).partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, AT_ONCE - 1), "{refused:?}");
    for refused in refused {
        assert_eq!(excess(refused), (Quota::PerOwner, 5, 5));
    }
    assert_eq!(count(&app.thorn, "alice").await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exactly_one_of_many_moves_to_the_last_place_at_a_host() {
    let config = config(None, Some(30));
    let app = TestApp::with(config.clone()).await;
    for n in 0..29 {
        create(&app.thorn, "alice", n, HOSTS[0]).await;
    }
    let mut others = Vec::new();
    for n in 0..AT_ONCE {
        others.push(create(&app.thorn, "alice", 100 + n, HOSTS[1]).await.id);
    }
    let moving = siblings(&app, config).await.into_iter().zip(others).map(|(thorn, id)| {
        let change = SubscriptionChange::default().url(HOSTS[0]);
        tokio::spawn(async move { thorn.subscriptions().update(Access::Owner("alice"), id, change).await })
    });
    let (moved, refused): (Vec<_>, Vec<_>) =
        join_all(moving).await.into_iter().map(Result::unwrap).partition(Result::is_ok);
    assert_eq!((moved.len(), refused.len()), (1, AT_ONCE - 1), "{refused:?}");
    for refused in refused {
        assert_eq!(excess(refused), (per_host("127.0.0.1"), 30, 30));
    }
}
