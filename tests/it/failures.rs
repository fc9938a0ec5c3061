//! Deliveries that fail.

use std::time::Duration;

use thorn::{
    Config,
    attempt::{DeliveryState, Outcome, RetryPolicy},
    event::Event,
};
use thorn_core::testing::Reply;

use crate::app::{self, PATIENCE, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn thorn_152_a_failure_is_retried_with_the_same_ids_until_it_is_taken() {
    let (app, receiver, subscription, worker) = TestApp::delivering("a.b").await;
    receiver.reply(Reply::status(503));
    Event::new("a.b").broadcast().send(app.db(), &()).await.unwrap();

    receiver.wait_for(2, PATIENCE).await.unwrap();
    receiver.reply(Reply::status(200));
    let rows = app.deliveries(&subscription, app::is_delivered).await;
    let requests = receiver.received();
    assert!(rows[0].attempts >= 3 && rows[0].attempts as usize == requests.len());
    for request in &requests {
        assert_eq!(request.header("hook-delivery"), rows[0].id.to_string());
        assert_eq!(request.header("webhook-id"), rows[0].id.to_string());
        assert_eq!(request.header("hook-hmac"), requests[0].header("hook-hmac"));
    }
    app.settled().await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_149_exhausted_deliveries_are_kept_as_dead_with_every_attempt() {
    let (app, receiver, subscription, worker) = TestApp::delivering("a.b").await;
    receiver.reply(Reply { body: "no, thanks".into(), ..Reply::status(500) });
    Event::new("a.b").broadcast().send(app.db(), &()).await.unwrap();

    let rows = app.deliveries(&subscription, app::is_dead).await;
    assert_eq!((rows[0].attempts, rows[0].status, rows[0].outcome), (4, Some(500), Some(Outcome::Rejected)));
    assert_eq!(rows[0].response.as_deref(), Some("no, thanks"));
    assert_eq!(app.past_attempts(rows[0].id).await, [1, 2, 3]);
    app.settled().await;
    assert_eq!(receiver.received().len(), 4);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_152_gone_disables_the_subscription() {
    let (app, receiver, subscription, worker) = TestApp::delivering("a.b").await;
    receiver.reply(Reply::status(410));
    Event::new("a.b").broadcast().send(app.db(), &()).await.unwrap();
    let rows = app.deliveries(&subscription, |rows| rows.len() == 1).await;
    assert_eq!((rows[0].state, rows[0].attempts), (Some(DeliveryState::Dead), 1));
    // That follows from the record, and comes after it.
    let disabled = app::eventually("the subscription is disabled", || async {
        app.reload(&subscription).await.disabled.ok_or_else(|| "it is not".to_owned())
    });
    let disabled = disabled.await;

    Event::new("a.b").broadcast().send(app.db(), &()).await.unwrap();
    app.settled().await;
    assert_eq!(receiver.received().len(), 1);
    assert!(disabled.reason.contains("410"), "{disabled:?}");
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_149_retry_after_is_honoured() {
    let (app, receiver, _, worker) = TestApp::delivering("a.b").await;
    receiver.reply(Reply::status(429).header("Retry-After", "2"));
    let retry = RetryPolicy { longest: Duration::from_secs(10), ..RetryPolicy::fixed(Duration::from_millis(10), 2) };
    Event::new("a.b").broadcast().retry(retry).send(app.db(), &()).await.unwrap();
    let requests = receiver.wait_for(2, PATIENCE).await.unwrap();
    let waited = requests[1].at - requests[0].at;
    assert!(waited >= Duration::from_millis(1950), "{waited:?}");
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_subscription_gets_no_more_retries() {
    let (app, receiver, subscription, worker) = TestApp::delivering("a.b").await;
    receiver.reply(Reply::status(500));
    let retry = RetryPolicy::fixed(Duration::from_millis(300), 1000);
    Event::new("a.b").broadcast().retry(retry).send(app.db(), &()).await.unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    app.unsubscribe(&subscription).await;
    let rows = app.deliveries(&subscription, app::is(DeliveryState::Cancelled)).await;
    assert_eq!(rows[0].status, Some(500), "the last attempt stays");
    app.settled().await;
    let arrived = receiver.received().len();
    Event::new("a.b").broadcast().send(app.db(), &()).await.unwrap();
    app.settled().await;
    assert_eq!(receiver.received().len(), arrived);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_takes_effect_on_what_is_queued_already() {
    let (app, receiver, subscription, worker) = TestApp::delivering("a.b").await;
    receiver.reply(Reply::status(500));
    Event::new("a.b")
        .broadcast()
        .retry(RetryPolicy::fixed(Duration::from_millis(200), 50))
        .send(app.db(), &())
        .await
        .unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    let change = thorn::subscription::SubscriptionChange::default().secret("another-secret-of-24-bytes");
    let changed = app.change(&subscription, change).await;
    app::eventually("a signature with the new secret", || async {
        let last = receiver.received().pop().unwrap();
        let wanted = changed.spec.destination.signing.hook_hmac(&last.body).unwrap();
        if last.header("hook-hmac") == wanted { Ok(()) } else { Err(last.header("hook-hmac").to_owned()) }
    })
    .await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_161_an_internal_address_is_never_connected_to() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    // The same database, served by a worker that allows nothing internal.
    let strict = app.sibling(Config { allow_networks: Vec::new(), ..app::config() }).await;
    let worker = strict.start_worker().await.unwrap();
    Event::new("a.b").broadcast().send(app.db(), &()).await.unwrap();
    let rows = app.deliveries(&subscription, app::is_dead).await;
    assert_eq!(rows[0].outcome, Some(Outcome::Blocked));
    assert!(rows[0].error.as_ref().unwrap().contains("127.0.0.1"), "{rows:?}");
    assert!(receiver.received().is_empty());
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_without_the_key_loses_nothing() {
    let key = |byte: &str| Some(format!("{}=", byte.repeat(43)).parse().unwrap());
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let sealed = app.sibling(Config { secret_key: key("A"), ..app::config() }).await;
    let wrong = app.sibling(Config { secret_key: key("E"), ..app::config() }).await;
    // Started while it can read all there is.
    let without = wrong.start_worker().await.unwrap();
    let subscription = sealed
        .subscriptions()
        .create(thorn::subscription::NewSubscription::new("a.b", receiver.url("/")))
        .await
        .unwrap();
    Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
    let refused = wrong.start_worker().await.unwrap_err().to_string();
    assert!(refused.contains(&subscription.id.to_string()), "{refused}");

    let with = sealed.start_worker().await.unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    app.settled().await;
    with.stop().await.unwrap();
    without.stop().await.unwrap();
}
