//! A worker that is told to stop.

use std::time::{Duration, Instant};

use thorn::{Config, event::Event};
use thorn_core::testing::Reply;

use super::backlog::delivered;
use crate::{
    app::{self, PATIENCE, TestApp},
    process::{self, WorkerProcess},
};

/// How long SQLite waits for a lock, and so how long a stop would take that waits for one.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// While requests are under way apalis polls none of its own transactions; one that is open then must
/// not keep the requests' results from being written.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_way_holds_no_lock_that_others_wait_for() {
    let app = TestApp::with(Config { poll_interval: Duration::from_millis(1), ..app::config() }).await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(204).delay(Duration::from_millis(20)));
    app.subscribe("a.b", &receiver.url("/")).await;
    for n in 1..=20 {
        let worker = app.worker().await;
        Event::new("a.b").broadcast().send(app.db(), &n).await.unwrap();
        receiver.wait_for(n, PATIENCE).await.unwrap();
        let stopping = Instant::now();
        worker.stop().await.unwrap();
        // How long a stop takes is the thing tested.
        assert!(stopping.elapsed() < LOCK_TIMEOUT, "stop {n} took {:?}", stopping.elapsed());
    }
    assert_eq!(receiver.received().len(), 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_finishes_what_it_began_and_hands_back_the_rest() {
    const EVENTS: usize = 400;
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(204).delay(Duration::from_millis(300)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let mut worker = WorkerProcess::spawn(process::command(&app.url).env("THORN_EVENT_TIMEOUT", "5"));
    app.send_many(EVENTS).await;
    receiver.wait_for(1, PATIENCE).await.unwrap();

    worker.terminate();
    let status = worker.ended().await;
    assert!(status.success(), "{status}: {}", worker.log());
    // It ended because it had finished, not because its deadline had passed.
    assert!(!worker.log().contains("didn't finish in time"), "{}", worker.log());
    let mut begun: Vec<_> = receiver.arrivals().into_keys().collect();
    let mut recorded: Vec<_> = delivered(&app, &subscription, 0).await.iter().map(ToString::to_string).collect();
    begun.sort_unstable();
    recorded.sort_unstable();
    println!("stopped with {} of {EVENTS} delivered", begun.len());
    assert_eq!(begun, recorded, "what was begun is recorded, and nothing else");
    assert!(begun.len() < EVENTS, "there was no backlog, so this shows nothing");

    receiver.reply(Reply::status(204));
    let _second = WorkerProcess::start(&app.url);
    delivered(&app, &subscription, EVENTS).await;
    app.settled().await;
    assert_eq!(receiver.different_and_repeated(), (EVENTS, 0));
}
