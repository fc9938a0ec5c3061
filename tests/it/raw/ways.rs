//! The ways of a raw event besides the first attempt: retries, replays, recovery, inline delivery, dispatchers, the end.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use thorn::{
    Config, Dispatch, Thorn,
    attempt::RetryPolicy,
    dispatch::{BoxError, Dispatcher},
    event::RenderedEvent,
    signing::{Digest, Secret, hook_hmac},
    subscription::SubscriptionChange,
};
use thorn_core::testing::Reply;

use super::{event, raw};
use crate::{
    alone::alone,
    app::{self, PATIENCE, TestApp},
};

const BYTES: &[u8] = b"\xff\0raw";

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_and_a_replay_have_the_same_bytes_and_the_same_id() {
    let (app, receiver, subscription, worker) = TestApp::delivering("a.b").await;
    receiver.reply(Reply::status(500));
    let retry = RetryPolicy::fixed(Duration::from_millis(50), 100);
    event("a.b").retry(retry).send_raw(app.db(), raw("x/y", BYTES)).await.unwrap();
    receiver.wait_for(2, PATIENCE).await.unwrap();
    // From now on it is signed with another secret.
    let new = "another-secret-another-secret";
    app.change(&subscription, SubscriptionChange::default().secret(new)).await;
    receiver.reply(Reply::status(204));
    app.deliveries(&subscription, app::is_delivered).await;
    let before = receiver.arrived();
    app.execute("UPDATE thorn_delivery SET state = 'waiting', next_attempt_at = 1").await;
    let received = receiver.wait_for(before + 1, PATIENCE).await.unwrap();
    app.deliveries(&subscription, app::is_delivered).await;
    let first = &received[0];
    assert!(received.iter().all(|one| one.body == BYTES && one.header("content-type") == "x/y"), "{received:?}");
    assert!(received.iter().all(|one| one.header("webhook-id") == first.header("webhook-id")), "{received:?}");
    let last = received.last().unwrap();
    assert_eq!(last.header("hook-hmac"), hook_hmac(Digest::Sha256, &Secret::new(new), BYTES));
    assert_ne!(first.header("hook-hmac"), last.header("hook-hmac"));
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_task_with_a_raw_event_is_enqueued_again() {
    if !app::sees_tasks() {
        return;
    }
    let (app, receiver, subscription, worker) = TestApp::delivering("a.b").await;
    app.lose_tasks().await;
    event("a.b").send_raw(app.db(), raw("x/y", BYTES)).await.unwrap();
    app.relayed().await;
    assert_eq!(receiver.arrived(), 0);
    app.leave_tasks().await;
    app.deliveries(&subscription, app::is_delivered).await;
    app.settled().await;
    assert_eq!(worker.counters().recovered, 1);
    assert_eq!(receiver.received()[0].body, BYTES);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_raw_event_is_delivered_inline() {
    alone!(a_raw_event_is_delivered_inline);
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/")).await;
    event("a.b").dispatch(Dispatch::Inline).send_raw(app.db(), raw("x/y", BYTES)).await.unwrap();
    let received = receiver.received();
    assert_eq!((received.len(), &*received[0].body), (1, BYTES));
    let (sent, deliveries) = app.thorn.inline(event("a.b").send_raw(app.db(), raw("", Vec::new()))).await;
    sent.unwrap();
    app.ask_for(&deliveries);
    assert_eq!(deliveries.len(), 1);
    assert!(receiver.received()[1].body.is_empty());
}

#[derive(Debug, Default)]
struct Taken(Mutex<Vec<RenderedEvent>>);

#[thorn::async_trait]
impl Dispatcher for Taken {
    async fn dispatch(&self, events: &[RenderedEvent]) -> Vec<Result<(), BoxError>> {
        self.0.lock().unwrap().extend_from_slice(events);
        events.iter().map(|_| Ok(())).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_of_the_application_gets_the_bytes() {
    alone!(a_dispatcher_of_the_application_gets_the_bytes);
    let app = TestApp::new().await;
    let taken = Arc::new(Taken::default());
    let thorn = Thorn::builder(thorn::connect(&app.url).await.unwrap()).config(app::config());
    let thorn = thorn.dispatcher("taken", taken.clone()).build().await.unwrap();
    let elsewhere = || event("a.b").dispatch(Dispatch::custom("taken"));
    elsewhere().send_raw(thorn.db(), raw("x/y", BYTES)).await.unwrap();
    elsewhere().send(thorn.db(), &1).await.unwrap();
    let worker = thorn.start_worker().await.unwrap();
    app::eventually("both taken", || async {
        let taken = taken.0.lock().unwrap().len();
        if taken == 2 { Ok(()) } else { Err(taken.to_string()) }
    })
    .await;
    worker.stop().await.unwrap();
    let taken = taken.0.lock().unwrap();
    assert_eq!((taken[0].raw.as_ref(), &*taken[0].body), (Some(&raw("x/y", BYTES)), ""));
    assert_eq!((taken[1].raw.as_ref(), taken[1].body.is_empty()), (None, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_is_deleted_with_its_event() {
    let config = Config { keep: Some(Duration::ZERO), keep_unmatched: Some(Duration::ZERO), ..app::config() };
    let app = TestApp::with(config).await;
    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/")).await;
    event("a.b").send_raw(app.db(), raw("x/y", BYTES)).await.unwrap();
    event("unmatched").send_raw(app.db(), raw("x/y", BYTES)).await.unwrap();
    assert_eq!((app.count("thorn_event").await, app.count("thorn_payload").await), (2, 2));
    let worker = app.worker().await;
    receiver.wait_for(1, PATIENCE).await.unwrap();
    app::eventually("nothing left", || async {
        let left = app.count("thorn_event").await + app.count("thorn_payload").await;
        if left == 0 { Ok(()) } else { Err(left.to_string()) }
    })
    .await;
    worker.stop().await.unwrap();
}
