//! Large events are claimed a few at a time.

use std::{collections::HashSet, time::Duration};

use thorn::{Config, attempt::RetryPolicy, event::Event};
use thorn_core::testing::Reply;

use crate::app::{self, PATIENCE, TestApp};

/// A claim ends with the event that brings its bytes to this number.
const BYTES_PER_CLAIM: usize = 8 * 1024 * 1024;
const BYTES: usize = 200 * 1024;
const MOST: i64 = (BYTES_PER_CLAIM / BYTES) as i64 + 1;
const EVENTS: usize = 60;
const ENDPOINTS: usize = 6;

/// How many rows there are of each value.
async fn groups(app: &TestApp, table: &str, column: &str) -> Vec<i64> {
    app.numbers(&format!("SELECT COUNT(*) FROM {table} GROUP BY {column}")).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_reads_no_more_events_than_fit_into_its_bytes_and_leaves_none_out() {
    // A busy machine needs its time for so many bytes, and an attempt that times out isn't repeated.
    let app = TestApp::with(Config { retry: RetryPolicy::never(), timeout: PATIENCE, ..app::config() }).await;
    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/")).await;
    let text = "x".repeat(BYTES);
    for _ in 0..EVENTS / 20 {
        let events = (0..20).map(|_| Event::new("a.b").broadcast().render(&text).unwrap()).collect();
        thorn::outbox::write(app.db(), events).await.unwrap();
    }
    let worker = app.worker().await;
    let received = receiver.wait_for(EVENTS, PATIENCE * 4).await.unwrap();
    app.settled().await;
    let claims = groups(&app, "thorn_event", "relayed_at").await;
    println!("{claims:?}");
    assert!(claims.iter().all(|events| *events <= MOST), "{claims:?}");
    let different: HashSet<_> = received.iter().map(|request| request.header("hook-delivery").to_owned()).collect();
    assert_eq!((different.len(), receiver.received().len()), (EVENTS, EVENTS));
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_of_large_events_are_enqueued_a_few_at_a_time_too() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(503));
    // A lane takes fewer at once than a turn may have.
    for n in 0..ENDPOINTS {
        app.subscribe(&format!("a.n{n}"), &receiver.url(&format!("/{n}"))).await;
    }
    let worker = app.worker().await;
    let text = "x".repeat(BYTES);
    let later = RetryPolicy::fixed(Duration::from_secs(3600), 2);
    for n in 0..EVENTS {
        Event::new(format!("a.n{}", n % ENDPOINTS))
            .broadcast()
            .retry(later.clone())
            .send(app.db(), &text)
            .await
            .unwrap();
    }
    app::eventually("failures", || async {
        let failed = app.count("thorn_delivery WHERE attempts = 1").await;
        if failed == EVENTS as i64 { Ok(()) } else { Err(failed.to_string()) }
    })
    .await;
    worker.stop().await.unwrap();
    app.execute("UPDATE thorn_delivery SET next_attempt_at = 1").await;
    // Nothing is recorded while turns are counted: each gives its own lease.
    receiver.reply(Reply::status(204).delay(Duration::from_secs(3)));
    let worker = app.worker().await;
    app::eventually("the first leases", || async {
        let left = app.count("thorn_delivery WHERE next_attempt_at = 1").await;
        if left < EVENTS as i64 { Ok(()) } else { Err(left.to_string()) }
    })
    .await;
    let turns = groups(&app, "thorn_delivery WHERE next_attempt_at > 1", "next_attempt_at").await;
    println!("{turns:?}");
    assert!(turns.iter().all(|rows| *rows <= MOST), "{turns:?}");
    receiver.reply(Reply::status(204));
    app.settled().await;
    assert_eq!(receiver.received().len(), EVENTS * 2, "and none is left out");
    worker.stop().await.unwrap();
}
