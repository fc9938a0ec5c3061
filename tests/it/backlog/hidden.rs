//! Deliveries that are due behind the backlog of an endpoint that hangs.

use std::time::{Duration, Instant};

use thorn::{Config, attempt::RetryPolicy, event::Event};
use thorn_core::testing::Reply;

use super::{add_waiting, assert_nobody_notices, median};
use crate::app::{self, PATIENCE, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_endpoint_s_backlog_hides_nobody_s_retries() {
    const BACKLOG: u32 = 300_000;
    let pause = Duration::from_millis(300);
    let config = Config {
        timeout: Duration::from_secs(60),
        audit_after: Duration::from_secs(60),
        retry: RetryPolicy::fixed(pause, 4),
        ..app::config()
    };
    let app = TestApp::with(config).await;
    let hangs = app.receiver().await;
    let fine = app.receiver().await;
    hangs.reply(Reply::status(200).delay(Duration::from_secs(3600)));
    let many = app.subscribe("many", &hangs.url("/")).await;
    app.subscribe("one", &fine.url("/")).await;
    let measure = async || {
        let (mut fresh, mut retries) = (Vec::new(), Vec::new());
        fine.forget();
        for n in 0..5 {
            fine.reply(Reply::status(503));
            let sent = Instant::now();
            Event::new("one").broadcast().send(app.db(), &n).await.unwrap();
            let first = fine.wait_for(n * 2 + 1, PATIENCE).await.unwrap()[n * 2].at;
            fine.reply(Reply::status(204));
            let second = fine.wait_for(n * 2 + 2, PATIENCE).await.unwrap()[n * 2 + 1].at;
            fresh.push(first - sent);
            retries.push((second - first).saturating_sub(pause));
        }
        (median(fresh), median(retries))
    };
    let worker = app.worker().await;
    let before = measure().await;
    add_waiting(&app, &many, BACKLOG, 0).await;
    hangs.wait_for(10, PATIENCE).await.unwrap();
    let during = measure().await;
    println!("fresh and retried: {before:?} before, {during:?} during");
    assert_nobody_notices(before.0, during.0);
    assert_nobody_notices(before.1, during.1);
    let untouched = app.count("thorn_delivery WHERE next_attempt_at <= 300000").await;
    let in_flight = hangs.received().len();
    println!("{untouched} of {BACKLOG} untouched, {in_flight} in flight, {:?}", worker.counters());
    assert!(untouched >= i64::from(BACKLOG) - 100, "only {untouched} are as they were");
    drop(worker);
    app.ignore_the_rest();
}
