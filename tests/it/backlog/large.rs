//! Large events are claimed a few at a time.

use std::collections::HashSet;

use thorn::{Config, delivery::RetryPolicy, event::Event};
use thorn_core::testing::{Receiver, Reply};

use super::config;
use crate::app::{self, App, PATIENCE};

/// What a claim reads ends with the event that brings it to this.
const BYTES_PER_CLAIM: usize = 8 * 1024 * 1024;
const BYTES: usize = 200 * 1024;
const EVENTS: usize = 120;

/// Events that were claimed at once, for each claim. SQLite has no other text than TEXT.
async fn claims(app: &App, column: &str) -> Vec<usize> {
    let sql = format!("SELECT CAST(COUNT(*) AS CHAR(9)) AS text FROM thorn_event GROUP BY {column}");
    app.text(&sql).await.iter().map(|count| count.trim().parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_reads_no_more_events_than_fit_into_its_bytes_and_leaves_none_out() {
    let (app, receiver) =
        (App::with(Config { retry: RetryPolicy::never(), ..config() }).await, Receiver::start().await.unwrap());
    app.subscribe("a.b", &receiver.url("/")).await;
    let text = "x".repeat(BYTES);
    for _ in 0..EVENTS / 20 {
        let events = (0..20).map(|_| Event::new("a.b").broadcast().render(&text).unwrap()).collect();
        thorn::outbox::write(app.db(), events).await.unwrap();
    }
    let worker = app.worker().await;
    let received = receiver.wait_for(EVENTS, PATIENCE).await.unwrap();
    app.settled().await;
    let claims = claims(&app, "relayed_at").await;
    println!("{claims:?}");
    assert!(claims.iter().all(|events| *events <= BYTES_PER_CLAIM / BYTES + 1), "{claims:?}");
    let different: HashSet<_> = received.iter().map(|request| request.header("hook-delivery").to_owned()).collect();
    assert_eq!((different.len(), receiver.received().len()), (EVENTS, EVENTS));
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_of_large_events_are_enqueued_a_few_at_a_time_too() {
    let (app, receiver) = (App::new().await, Receiver::start().await.unwrap());
    if std::env::var("THORN_TEST_DATABASE").is_ok_and(|database| database != "sqlite") {
        // What was enqueued is watched with a trigger of SQLite's.
        return;
    }
    receiver.reply(Reply::status(503));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    let text = "x".repeat(BYTES);
    let later = RetryPolicy::fixed(std::time::Duration::from_secs(3600), 2);
    for _ in 0..EVENTS {
        Event::new("a.b").broadcast().retry(later.clone()).send(app.db(), &text).await.unwrap();
    }
    app.deliveries(&subscription, |rows| rows.len() == EVENTS).await;
    app::eventually("nothing under way", || async {
        let left = app.text("SELECT id AS text FROM Jobs").await;
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    // The lease that a turn gives is its own.
    app.execute("CREATE TABLE leased (until INTEGER)").await;
    app.execute(
        "CREATE TRIGGER leased AFTER UPDATE OF next_attempt_at ON thorn_delivery WHEN OLD.next_attempt_at = 1 \
         BEGIN INSERT INTO leased VALUES (NEW.next_attempt_at); END",
    )
    .await;
    receiver.reply(Reply::status(204));
    app.execute("UPDATE thorn_delivery SET next_attempt_at = 1").await;
    receiver.wait_for(EVENTS * 2, PATIENCE).await.unwrap();
    app.settled().await;
    let turns = app.text("SELECT CAST(COUNT(*) AS TEXT) AS text FROM leased GROUP BY until").await;
    let turns: Vec<usize> = turns.iter().map(|count| count.parse().unwrap()).collect();
    println!("{turns:?}");
    assert_eq!(turns.iter().sum::<usize>(), EVENTS);
    assert!(turns.iter().all(|rows| *rows <= BYTES_PER_CLAIM / BYTES + 1), "{turns:?}");
    worker.stop().await.unwrap();
}
