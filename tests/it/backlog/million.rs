//! Millions of rows that wait: neither read into memory nor in anybody's way, and the queue is short.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait as _, Statement};
use thorn::{attempt::RetryPolicy, event::Event, subscription::Subscription, timestamp::Timestamp};
use thorn_core::testing::Reply;
use thorn_test_support::full;

use super::{add_waiting, assert_nobody_notices, median, memory};
use crate::{
    app::{self, Receiver, literal},
    databases::plans,
    process::WorkerProcess,
    queue::place::{Place, Placed},
};

const MILLION: u32 = 1_000_000;
const EVENTS: usize = 20;

/// Measurements of a worker beside a backlog.
#[derive(Debug)]
struct Seen {
    fresh: Duration,
    retries: Duration,
    /// In MiB.
    peak_memory: u64,
    longest_queue: usize,
}

/// Waits until the event with this payload has arrived so often, and returns when. After a worker was killed,
/// another event may come again.
async fn arrivals_of(fine: &Receiver, payload: &str, times: usize) -> Vec<Instant> {
    app::eventually("an arrival", || async {
        let received = fine.received();
        let arrivals = received.iter().filter(|request| request.json()["data"] == payload).map(|request| request.at);
        let arrivals: Vec<_> = arrivals.collect();
        if arrivals.len() >= times { Ok(arrivals) } else { Err(format!("{received:?}")) }
    })
    .await
}

/// Starts a worker, and sends events of which each is first refused.
async fn observe(placed: &Placed, fine: &Receiver) -> Seen {
    const PAUSE: Duration = Duration::from_millis(100);
    let started = Instant::now();
    let worker = WorkerProcess::spawn(&mut placed.command());
    let (ended, longest) = (AtomicBool::new(false), AtomicUsize::new(0));
    let send = async {
        let (mut fresh, mut retries) = (Vec::new(), Vec::new());
        for n in 0..EVENTS {
            let payload = format!("{started:?} {n}");
            fine.reply(Reply::status(503));
            let sent = Instant::now();
            let retry = RetryPolicy { jitter: 0.0, ..RetryPolicy::fixed(PAUSE, 3) };
            Event::new("one").broadcast().retry(retry).send(placed.app.db(), &payload).await.unwrap();
            let first = arrivals_of(fine, &payload, 1).await[0];
            fine.reply(Reply::status(204));
            let second = arrivals_of(fine, &payload, 2).await[1];
            fresh.push(first - sent);
            retries.push((second - first).saturating_sub(PAUSE));
        }
        ended.store(true, Ordering::Relaxed);
        (median(fresh), median(retries))
    };
    let watch = async {
        while !ended.load(Ordering::Relaxed) {
            longest.fetch_max(placed.tasks().await, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    // Once an event is delivered, the queue's tables are there.
    let start = format!("{started:?}");
    Event::new("one").broadcast().send(placed.app.db(), &start).await.unwrap();
    arrivals_of(fine, &start, 1).await;
    let ((fresh, retries), ()) = tokio::join!(send, watch);
    Seen { fresh, retries, peak_memory: memory(&worker).1, longest_queue: longest.load(Ordering::Relaxed) }
}

/// How a relay looks for what is due; `?` is a subscription.
const LOOKS: [&str; 3] = [
    "SELECT id, event_id, subscription_id, attempts, next_attempt_at FROM thorn_delivery \
     WHERE next_attempt_at <= (SELECT 1000000) ORDER BY next_attempt_at LIMIT 1000",
    "WITH RECURSIVE waiting (id, n) AS (\
     SELECT (SELECT subscription_id FROM thorn_delivery WHERE state = 'waiting' AND subscription_id > ? \
     ORDER BY subscription_id LIMIT 1), 1 \
     UNION ALL SELECT (SELECT subscription_id FROM thorn_delivery WHERE state = 'waiting' \
     AND subscription_id > waiting.id ORDER BY subscription_id LIMIT 1), n + 1 \
     FROM waiting WHERE id IS NOT NULL AND n < 32) SELECT id FROM waiting WHERE id IS NOT NULL",
    "SELECT id, event_id, subscription_id, attempts, next_attempt_at FROM thorn_delivery \
     WHERE state = 'waiting' AND subscription_id = ? ORDER BY next_attempt_at LIMIT 16",
];

/// They read no whole table.
async fn assert_plans(placed: &Placed, subscription: &Subscription) {
    let db = placed.app.db();
    let backend = db.get_database_backend();
    db.execute_unprepared("ANALYZE").await.unwrap();
    let id = literal(backend, subscription.id.as_uuid());
    for sql in LOOKS {
        let (steps, all) = plans::plan(db, &Statement::from_string(backend, sql.replace('?', &id))).await;
        // All rows wait here, so to PostgreSQL both indexes by subscription are equally good.
        let indexes: &[&str] = match sql.contains("state") {
            true => &["thorn_delivery_waiting", "thorn_delivery_subscription"],
            false => &["thorn_delivery_due"],
        };
        let uses_one = steps.iter().any(|step| indexes.iter().any(|index| step.contains(index)));
        assert!(all.is_empty() && uses_one, "{sql}: {steps:#?}");
    }
}

async fn a_million_waits(place: Place) {
    if !full("a million waiting deliveries") {
        return;
    }
    let Some(placed) = Placed::new(place, app::config()).await else { return };
    let app = &placed.app;
    let hangs = app.receiver().await;
    let fine = app.receiver().await;
    hangs.reply(Reply::status(200).delay(Duration::from_secs(3600)));
    let many = app.subscribe("many", &hangs.url("/")).await;
    app.subscribe("one", &fine.url("/")).await;
    let without = observe(&placed, &fine).await;
    add_waiting(app, &many, MILLION, (Timestamp::now() + Duration::from_secs(3600)).as_millis()).await;
    let with_waiting = observe(&placed, &fine).await;
    assert!(hangs.received().is_empty(), "it isn't time");
    add_waiting(app, &many, MILLION, 0).await;
    let with_due = observe(&placed, &fine).await;
    println!("{place}, with nothing     : {without:?}");
    println!("{place}, a million waiting: {with_waiting:?}");
    println!("{place}, and a million due: {with_due:?}");
    for seen in [&with_waiting, &with_due] {
        assert_nobody_notices(without.fresh, seen.fresh);
        assert_nobody_notices(without.retries, seen.retries);
        // A single byte of each row would be a megabyte.
        assert!(seen.peak_memory < without.peak_memory + 16, "{without:?} {seen:?}");
        assert!(seen.longest_queue <= 40, "{seen:?}");
    }
    let (begun, left) = (hangs.received().len(), app.count("thorn_delivery WHERE next_attempt_at <= 1000000").await);
    assert!((1..=16).contains(&begun), "{begun}");
    assert!(left >= i64::from(MILLION) - 100, "{left} are as they were");
    assert_plans(&placed, &many).await;
    app.ignore_the_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_waits_on_sqlite() {
    a_million_waits(Place::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_waits_on_postgresql() {
    a_million_waits(Place::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_waits_with_the_queue_on_redis() {
    a_million_waits(Place::Redis).await;
}
