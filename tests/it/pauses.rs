//! Pauses: a paused subscription keeps its deliveries until it is resumed.

use std::time::Duration;

use thorn::{
    Config, Event,
    attempt::{DeliveryState, RetryPolicy},
    event::SUBSCRIPTION_DISABLED,
    history::Delivery,
    subscription::{Kept, Subscription, SubscriptionChange},
    timestamp::Timestamp,
};
use thorn_core::testing::Reply;

use crate::app::{self, PATIENCE, Receiver, TestApp};

const EVENTS: usize = 30;

fn pause() -> SubscriptionChange {
    SubscriptionChange::default().pause()
}

fn resume(kept: Kept) -> SubscriptionChange {
    SubscriptionChange::default().resume(kept)
}

/// Whether so many deliveries are kept, and no others wait.
fn kept(events: usize) -> impl Fn(&[Delivery]) -> bool {
    move |rows| {
        let waiting = rows.iter().filter(|row| row.state == Some(DeliveryState::Waiting));
        let kept = waiting.clone().filter(|row| row.next_attempt_at.is_none());
        rows.len() >= events && kept.clone().count() == events && waiting.count() == events
    }
}

fn cancelled(rows: &[Delivery]) -> bool {
    rows.len() == EVENTS && rows.iter().all(|row| row.state == Some(DeliveryState::Cancelled))
}

/// A subscription that has kept deliveries, and a neighbour that has received them.
async fn paused(app: &TestApp) -> (Subscription, Receiver, Receiver) {
    let (receiver, other) = (app.receiver().await, app.receiver().await);
    let subscription = app.subscribe_for(Some("alice"), "a.b", &receiver.url("/")).await;
    let neighbour = app.subscribe("a.b", &other.url("/")).await;
    let paused = app.change(&subscription, pause()).await;
    assert!(paused.paused_at.is_some());
    for _ in 0..EVENTS {
        Event::new("a.b").sender("alice").send(app.db(), &1).await.unwrap();
    }
    app.deliveries(&neighbour, app::all_delivered(EVENTS)).await;
    app.deliveries(&subscription, kept(EVENTS)).await;
    assert_eq!(receiver.arrived(), 0);
    (subscription, receiver, other)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_subscription_keeps_deliveries_and_delivers_them_when_it_is_resumed() {
    let app = TestApp::new().await;
    let workers = [app.worker().await, app.worker().await];
    let (subscription, receiver, _other) = paused(&app).await;
    // Once nothing is left to compare, the reconciler has looked for lost deliveries.
    app.compared().await;
    assert_eq!(receiver.arrived(), 0);
    let resumed = app.change(&subscription, resume(Kept::Deliver)).await;
    assert_eq!(resumed.paused_at, None);
    app.deliveries(&subscription, app::all_delivered(EVENTS)).await;
    app.settled().await;
    assert_eq!(receiver.different_and_repeated(), (EVENTS, 0));
    for worker in workers {
        worker.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kept_deliveries_can_be_discarded() {
    let app = TestApp::new().await;
    let worker = app.worker().await;
    let (subscription, receiver, _other) = paused(&app).await;
    app.change(&subscription, resume(Kept::Discard)).await;
    app.deliveries(&subscription, cancelled).await;
    let later = Event::new("a.b").sender("alice").send(app.db(), &1).await.unwrap();
    app.deliveries_of(later, |rows| rows.len() == 2 && app::is_delivered(rows)).await;
    app.settled().await;
    assert_eq!(receiver.different_and_repeated(), (1, 0));
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_are_kept_too_and_a_pause_is_no_time_of_failure() {
    let retry = RetryPolicy { jitter: 0.0, ..RetryPolicy::fixed(Duration::from_millis(50), 1_000) };
    let app = TestApp::with(Config { retry, disable_after: Some(Duration::from_secs(60)), ..app::config() }).await;
    let worker = app.worker().await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(500));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    app.send_many(1).await;
    receiver.wait_for(2, PATIENCE).await.unwrap();
    app.execute("UPDATE thorn_subscription SET failing_since = 1").await;
    let paused = app.change(&subscription, pause()).await;
    assert_eq!(paused.failing_since, None);
    app.deliveries(&subscription, kept(1)).await;
    app.compared().await;
    app.change(&subscription, resume(Kept::Deliver)).await;
    let before = receiver.arrived();
    receiver.wait_for(before + 2, PATIENCE).await.unwrap();
    assert_eq!(app.reload(&subscription).await.disabled, None);
    receiver.reply(Reply::status(204));
    app.deliveries(&subscription, app::all_delivered(1)).await;
    app.settled().await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_that_a_worker_keeps_after_the_end_of_the_pause_are_sent_nevertheless() {
    let app = TestApp::new().await;
    let worker = app.worker().await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(500));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    app.send_many(1).await;
    app.deliveries(&subscription, |rows| rows.len() == 1).await;
    receiver.reply(Reply::status(204));
    // As a worker writes it that doesn't know yet.
    app.execute("UPDATE thorn_delivery SET next_attempt_at = 253402300799000 WHERE state = 'waiting'").await;
    app.deliveries(&subscription, app::all_delivered(1)).await;
    app.settled().await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_is_paused_for_too_long_is_disabled_and_its_deliveries_are_cancelled() {
    let app = TestApp::new().await;
    let worker = app.worker().await;
    let told = app.receiver().await;
    app.subscribe_for(Some("alice"), SUBSCRIPTION_DISABLED, &told.url("/")).await;
    let (subscription, receiver, other) = paused(&app).await;
    let long_ago = Timestamp::now() - Duration::from_secs(8 * 24 * 60 * 60);
    app.execute(&format!(
        "UPDATE thorn_subscription SET paused_at = {}, version = (SELECT version + 1 FROM thorn_registry) \
         WHERE paused_at IS NOT NULL",
        long_ago.as_millis()
    ))
    .await;
    // Only now: a registry that saw this version first would never look for the change.
    app.execute("UPDATE thorn_registry SET version = version + 1").await;
    Event::new("a.b").sender("alice").send(app.db(), &1).await.unwrap();
    other.wait_for(EVENTS + 1, PATIENCE).await.unwrap();
    told.wait_for(1, PATIENCE).await.unwrap();
    let disabled = app.reload(&subscription).await.disabled.unwrap();
    assert!(disabled.reason.contains("paused since"), "{disabled:?}");
    let all = |rows: &[Delivery]| rows.iter().all(|row| row.state == Some(DeliveryState::Cancelled));
    app.deliveries(&subscription, |rows| rows.len() > EVENTS && all(rows)).await;
    app.settled().await;
    assert_eq!(receiver.arrived(), 0);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_that_keeps_too_many_deliveries_is_disabled() {
    let app = TestApp::with(Config { most_kept: Some(EVENTS as u64 + 5), ..app::config() }).await;
    let worker = app.worker().await;
    let (subscription, receiver, other) = paused(&app).await;
    assert_eq!(app.reload(&subscription).await.disabled, None, "the bound isn't reached");
    let mut sent = EVENTS;
    let disabled = loop {
        app.send_many(1).await;
        sent += 1;
        other.wait_for(sent, PATIENCE).await.unwrap();
        match app.reload(&subscription).await.disabled {
            Some(disabled) => break disabled,
            None => assert!(sent < EVENTS + 100, "it keeps {sent} deliveries"),
        }
    };
    assert!(disabled.reason.contains("kept more than 35 deliveries"), "{disabled:?}");
    assert!(sent > EVENTS + 5, "{sent}");
    // Some may still be on their way to a worker that doesn't know of it.
    app.settled().await;
    let all = |rows: &[Delivery]| rows.iter().all(|row| row.state == Some(DeliveryState::Cancelled));
    app.deliveries(&subscription, |rows| rows.len() > EVENTS && all(rows)).await;
    assert_eq!(receiver.arrived(), 0);
    worker.stop().await.unwrap();
}
