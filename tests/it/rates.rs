//! Rate limits: what all workers together send to a subscription.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use thorn::{
    Config, Event, Thorn,
    attempt::{DeliveryState, RetryPolicy},
    history::Delivery,
    subscription::{Access, NewSubscription, Rate, SubscriptionChange},
};
use thorn_core::testing::Reply;

use crate::{
    app::{self, TestApp},
    process::{self, WorkerProcess},
};

fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

/// When the deliveries were tried, in milliseconds, the first one first.
fn times(rows: &[Delivery]) -> Vec<i64> {
    let mut times: Vec<_> = rows.iter().map(|row| row.attempted_at.unwrap().as_millis()).collect();
    times.sort_unstable();
    times
}

/// No window of T seconds has more than `rate` × (T + 1) + `rate` attempts.
fn keeps_to(rate: i64, times: &[i64]) {
    for (first, began) in times.iter().enumerate() {
        for (last, ended) in times.iter().enumerate().skip(first) {
            let most = rate * (ended - began + 1_000) / 1_000 + rate;
            let sent = i64::try_from(last - first + 1).unwrap();
            assert!(sent <= most, "{sent} deliveries in {} ms", ended - began);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_workers_together_keep_to_the_rate_and_a_neighbour_does_not_notice() {
    const EVENTS: usize = 150;
    const PER_SECOND: i64 = 20;
    let app = TestApp::new().await;
    let (receiver, other) = (app.receiver().await, app.receiver().await);
    let new = NewSubscription::new("a.b", receiver.url("/")).rate(rate("20/s"));
    let limited = app.thorn.subscriptions().create(new).await.unwrap();
    let neighbour = app.subscribe("a.b", &other.url("/")).await;
    let worker = || WorkerProcess::spawn(&mut process::command(&app.url));
    let workers = [worker(), worker(), worker(), worker()];
    app.send_many(EVENTS).await;
    let limited = app.deliveries(&limited, app::all_delivered(EVENTS)).await;
    let neighbour = app.deliveries(&neighbour, app::all_delivered(EVENTS)).await;
    keeps_to(PER_SECOND, &times(&limited));
    let last = |rows| times(rows).pop().unwrap();
    assert!(last(&neighbour) < last(&limited) - 1_000, "the neighbour's deliveries don't wait");
    assert_eq!(receiver.different_and_repeated(), (EVENTS, 0));
    app.settled().await;
    drop(workers);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_holds_for_retries_and_ends_when_it_is_removed() {
    const EVENTS: usize = 40;
    let retry = RetryPolicy { jitter: 0.0, ..RetryPolicy::fixed(Duration::from_millis(50), 1_000) };
    let app = TestApp::with(Config { retry, ..app::config() }).await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(500));
    let new = NewSubscription::new("a.b", receiver.url("/")).rate(rate("600/h"));
    let limited = app.thorn.subscriptions().create(new).await.unwrap();
    let began = Instant::now();
    let worker = app.worker().await;
    app.send_many(EVENTS).await;
    let rows = app.deliveries(&limited, |rows| rows.len() == EVENTS).await;
    assert!(rows.iter().all(|row| row.state == Some(DeliveryState::Waiting)));
    // One slot for each six seconds, and at most two at once.
    let (requests, slots) = (receiver.arrived(), 3 + usize::try_from(began.elapsed().as_secs() / 6).unwrap());
    assert!(requests <= slots, "{requests} requests");
    assert!(rows.iter().filter(|row| row.attempts == 0).count() >= EVENTS - slots, "no attempt is used up");

    receiver.reply(Reply::status(204));
    let unlimited = SubscriptionChange::default().rate(None);
    app.thorn.subscriptions().update(Access::Operator, limited.id, unlimited).await.unwrap();
    app.execute("UPDATE thorn_delivery SET next_attempt_at = 1 WHERE next_attempt_at > 1").await;
    app.deliveries(&limited, app::all_delivered(EVENTS)).await;
    app.settled().await;
    Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
    app.deliveries(&limited, app::all_delivered(EVENTS + 1)).await;
    app.settled().await;
    worker.stop().await.unwrap();
}

/// The application's Thorn on a connection of its own, and the number of its statements for the paces of subscriptions.
async fn counted(app: &TestApp) -> (Thorn, Arc<AtomicUsize>) {
    let mut db = thorn::connect(&app.url).await.unwrap();
    let statements = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&statements);
    db.set_metric_callback(move |info| {
        if info.statement.sql.contains("thorn_pace") {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    (Thorn::builder(db).config(app.thorn.config().clone()).build().await.unwrap(), statements)
}

/// The most deliveries a second that came in a row of so many. Slots lapse while a busy machine stands still, and then all
/// of them together come to less.
fn quickest(deliveries: usize, times: &[i64]) -> f64 {
    let took = times.windows(deliveries + 1).map(|window| window[deliveries] - window[0]).min().unwrap();
    deliveries as f64 * 1_000.0 / took as f64
}

/// Workers that have enough to do come to the rate, and ask the database at most four times a second for it.
async fn the_rate_is_used_up_with_few_statements(workers: usize) {
    const PER_SECOND: i64 = 10;
    const EVENTS: usize = 120;
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let new = NewSubscription::new("a.b", receiver.url("/")).rate(rate("10/s"));
    let limited = app.thorn.subscriptions().create(new).await.unwrap();
    app.send_many(EVENTS).await;
    let (mut running, mut statements) = (Vec::new(), Vec::new());
    let began = Instant::now();
    for _ in 0..workers {
        let (thorn, counted) = counted(&app).await;
        running.push(thorn.start_worker().await.unwrap());
        statements.push(counted);
    }
    receiver.wait_for(EVENTS / 2, app::PATIENCE).await.unwrap();
    let rows = app.deliveries(&limited, app::all_delivered(EVENTS)).await;
    let took = began.elapsed();
    let times = times(&rows);
    keeps_to(PER_SECOND, &times);
    let (all, most) = (quickest(EVENTS - 1, &times), quickest(EVENTS / 4, &times));
    let statements: Vec<_> = statements.iter().map(|counted| counted.load(Ordering::Relaxed)).collect();
    println!("{workers} workers: {all:.2}/s, at best {most:.2}/s, with {statements:?} statements in {took:?}");
    assert!(most >= 9.5, "{most}/s");
    for asked in statements {
        // The first of them comes to a table without a row.
        assert!(asked as f64 <= 4.0 * (took.as_secs_f64() + 1.0), "{asked} statements in {took:?}");
    }
    app.settled().await;
    for worker in running {
        worker.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_worker_uses_a_rate_up_with_few_statements() {
    the_rate_is_used_up_with_few_statements(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_workers_use_a_rate_up_with_few_statements() {
    the_rate_is_used_up_with_few_statements(4).await;
}
