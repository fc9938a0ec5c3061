//! Limits of concurrent requests: what all workers together have under way to a subscription.

use std::time::Duration;

use thorn::{
    subscription::{MaxInFlight, NewSubscription, Subscription, SubscriptionChange},
    timestamp::Timestamp,
};
use thorn_core::testing::Reply;

use crate::{
    app::{self, PATIENCE, Receiver, TestApp},
    process::WorkerProcess,
};

/// How long each request is under way.
const SLOW: Duration = Duration::from_millis(200);

/// A subscription with this limit, and a receiver that takes its time.
async fn limited(app: &TestApp, limit: u8) -> (Receiver, Subscription) {
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(204).delay(SLOW));
    let new = NewSubscription::new("a.b", receiver.url("/")).max_in_flight(MaxInFlight::new(limit).unwrap());
    let limited = app.thorn.subscriptions().create(new).await.unwrap();
    (receiver, limited)
}

/// Waits until so many workers count each other as alive.
async fn workers_agree(app: &TestApp, workers: i64) {
    app::eventually("an agreement of the workers", || async {
        let alive = format!("thorn_worker WHERE live_until > {}", Timestamp::now().as_millis());
        let views = app.number(&format!("SELECT COUNT(DISTINCT view) FROM {alive}")).await;
        let alive = app.count(&alive).await;
        if (alive, views) == (workers, 1) { Ok(()) } else { Err(format!("{alive} workers with {views} views")) }
    })
    .await;
}

/// The time from the first to the last request.
fn took(receiver: &Receiver) -> Duration {
    let received = receiver.received();
    received.last().unwrap().at - received[0].at
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_come_while_deliveries_are_under_way_keep_to_the_limit_together() {
    const EVENTS: usize = 150;
    let app = TestApp::new().await;
    let (wide, of_four) = limited(&app, 4).await;
    let (narrow, of_one) = limited(&app, 1).await;
    let quick = app.receiver().await;
    let neighbour = app.subscribe("a.b", &quick.url("/")).await;
    let mut workers = vec![WorkerProcess::start(&app.url)];
    app.send_many(EVENTS).await;
    wide.wait_for(10, PATIENCE).await.unwrap();
    workers.extend([WorkerProcess::start(&app.url), WorkerProcess::start(&app.url)]);
    app.deliveries(&of_four, app::all_delivered(EVENTS)).await;
    app.deliveries(&of_one, app::all_delivered(EVENTS)).await;
    app.deliveries(&neighbour, app::all_delivered(EVENTS)).await;
    assert_eq!(wide.most_at_once(), 4);
    assert!(narrow.most_at_once() <= 3, "{} at once: one for each worker", narrow.most_at_once());
    let ideal = SLOW * u32::try_from(EVENTS).unwrap() / 4;
    assert!(took(&wide) < ideal * 3, "{:?} instead of {ideal:?}", took(&wide));
    assert!(took(&quick) < took(&wide) / 2, "the neighbour's deliveries don't wait: {:?}", took(&quick));
    // A delivery that waits for its turn for longer than a second is late for the audits of this test's workers, and may be
    // made again.
    assert_eq!(wide.different_and_repeated().0, EVENTS);
    app.settled().await;
    drop(workers);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_killed_or_stopped_leaves_its_share_to_the_others() {
    const EVENTS: usize = 60;
    let app = TestApp::new().await;
    let (receiver, limited) = limited(&app, 3).await;
    let mut workers = [(); 3].map(|()| WorkerProcess::start(&app.url));
    workers_agree(&app, 3).await;
    let [_, killed, stopped] = &mut workers;
    killed.kill();
    stopped.terminate();
    assert!(stopped.ended().await.success());
    workers_agree(&app, 1).await;
    app.send_many(EVENTS).await;
    app.deliveries(&limited, app::all_delivered(EVENTS)).await;
    // Each of the three had one.
    assert_eq!(receiver.most_at_once(), 3);

    let unlimited = SubscriptionChange::default().max_in_flight(None);
    app.change(&limited, unlimited).await;
    app.send_many(EVENTS).await;
    app.deliveries(&limited, app::all_delivered(EVENTS * 2)).await;
    assert!(receiver.most_at_once() > 3, "the limit is gone");
    app.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_worker_in_the_process_inline_delivery_leaves_limited_subscriptions_to_the_workers() {
    let app = TestApp::new().await;
    let (receiver, limited) = limited(&app, 1).await;
    let event = thorn::Event::new("a.b").broadcast().dispatch(thorn::Dispatch::Inline);
    let sent = app.thorn.send_now(event, &1).await.unwrap();
    app.ask_for(&sent.deliveries);
    assert_eq!(sent.deliveries.len(), 1);
    assert_eq!(sent.deliveries[0].attempts, 0);
    assert_eq!(receiver.arrived(), 0);
    let worker = app.worker().await;
    app.deliveries(&limited, app::all_delivered(1)).await;
    app.settled().await;
    worker.stop().await.unwrap();
}
