//! Figures of subscriptions: what workers add up, and what the figures say.

use std::time::Duration;

use thorn::{
    Config, SubscriptionId,
    attempt::{DeliveryState, RetryPolicy},
    history::{Health, Stats, StatsWindow},
    subscription::{Access, Subscription, SubscriptionChange},
    timestamp::Timestamp,
};
use thorn_core::testing::Reply;

use crate::{
    app::{self, TestApp, literal},
    process::WorkerProcess,
};

const HOUR: Duration = Duration::from_secs(60 * 60);
const MINUTE: Duration = Duration::from_secs(60);

/// The figures of the last so many hours.
async fn stats_of(app: &TestApp, subscription: &Subscription, hours: u32) -> Stats {
    let now = Timestamp::now();
    let window = StatsWindow::new(Some(now - HOUR * hours), None, None, now).unwrap();
    app.thorn.stats(Access::Operator, subscription.id, window).await.unwrap()
}

async fn stats(app: &TestApp, subscription: &Subscription) -> Stats {
    stats_of(app, subscription, 24).await
}

/// The attempts of a column of `thorn_tally`, of a subscription or of all.
async fn tallied(app: &TestApp, column: &str, id: SubscriptionId) -> i64 {
    let id = literal(app.db().get_database_backend(), id.as_uuid());
    // Sums of integers are decimal on MySQL.
    let sql = format!("SELECT {column} FROM thorn_tally WHERE subscription_id = {id}");
    app.numbers_of_int(&sql).await.into_iter().sum()
}

/// The subscription under which the sums of all stand.
fn all() -> SubscriptionId {
    "00000000-0000-0000-0000-000000000000".parse().unwrap()
}

/// A row with sums of a period that began this long ago.
async fn insert(app: &TestApp, id: SubscriptionId, start: Timestamp, minutes: u32, delivered: u32, failed: u32) {
    let id = literal(app.db().get_database_backend(), id.as_uuid());
    let at = start.as_millis();
    app.execute(&format!(
        "INSERT INTO thorn_tally (subscription_id, bucket, minutes, delivered, failed, dead, ms_5, ms_10, ms_25, ms_50, \
         ms_100, ms_250, ms_500, ms_1000, ms_2500, ms_5000, ms_15000, ms_more, delivered_at, failed_at, failed_status, \
         failed_error) VALUES ({id}, {at}, {minutes}, {delivered}, {failed}, 0, 0, 0, 0, 0, 0, {delivered}, 0, 0, \
         {failed}, 0, 0, 0, {at}, {at}, 500, 'status 500 of {delivered}')"
    ))
    .await;
}

fn start_of(at: Timestamp, length: Duration) -> Timestamp {
    let length = i64::try_from(length.as_millis()).unwrap();
    Timestamp::from_millis(at.as_millis() / length * length)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_writes_what_it_has_added_up_and_the_figures_tell_it() {
    let retry = RetryPolicy { jitter: 0.0, ..RetryPolicy::fixed(Duration::from_millis(50), 2) };
    let app = TestApp::with(Config { retry, ..app::config() }).await;
    let (works, fails) = (app.receiver().await, app.receiver().await);
    fails.reply(Reply::status(503));
    let healthy = app.subscribe("a.b", &works.url("/")).await;
    let failing = app.subscribe("a.b", &fails.url("/")).await;
    let idle = app.subscribe("c.d", &works.url("/")).await;
    let worker = app.worker().await;
    let began = Timestamp::now();
    app.send_many(20).await;
    app.deliveries(&healthy, app::all_delivered(20)).await;
    let all_dead = |rows: &[thorn::history::Delivery]| {
        rows.len() == 20 && rows.iter().all(|row| row.state == Some(DeliveryState::Dead))
    };
    app.deliveries(&failing, all_dead).await;
    app.settled().await;
    worker.stop().await.unwrap();

    let figures = stats(&app, &healthy).await;
    assert_eq!((figures.health, figures.attempts, figures.success_rate), (Health::Healthy, 20, Some(1.0)));
    assert!(figures.p50_ms.unwrap() <= figures.p95_ms.unwrap() && figures.p95_ms.unwrap() <= 5_000, "{figures:?}");
    assert!(figures.last_success_at.unwrap() >= began && figures.last_failure.is_none());
    assert_eq!((figures.waiting, figures.oldest_waiting_at, figures.dead), (0, None, 0));
    assert_eq!(figures.series.iter().map(|point| point.delivered).sum::<u64>(), 20);
    assert!(figures.series.iter().all(|point| point.failed == 0 && point.p95_ms.is_some() == (point.delivered > 0)));

    let figures = stats(&app, &failing).await;
    assert_eq!((figures.health, figures.attempts, figures.success_rate), (Health::Failing, 40, Some(0.0)));
    let last = figures.last_failure.unwrap();
    assert!(last.at >= began && last.status == Some(503), "{last:?}");
    assert_eq!((figures.dead, figures.last_success_at), (20, None));
    assert_eq!(figures.series.iter().map(|point| point.failed).sum::<u64>(), 40);

    let figures = stats(&app, &idle).await;
    assert_eq!((figures.health, figures.attempts, figures.success_rate), (Health::Idle, 0, None));
    assert_eq!((figures.p50_ms, figures.series.len()), (None, 97));

    let sums = [tallied(&app, "delivered", all()).await, tallied(&app, "failed", all()).await];
    assert_eq!((sums, tallied(&app, "dead", all()).await), ([20, 40], 20), "of all subscriptions together");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_worker_writes_every_ten_seconds_and_a_killed_one_loses_no_more_than_that() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let mut worker = WorkerProcess::start(&app.url);
    app.send_many(30).await;
    app.deliveries(&subscription, app::all_delivered(30)).await;
    app::eventually("the sums", || async {
        let sum = tallied(&app, "delivered", subscription.id).await;
        if sum == 30 { Ok(()) } else { Err(sum.to_string()) }
    })
    .await;
    worker.kill();
    assert_eq!(stats(&app, &subscription).await.attempts, 30);
    app.ignore_the_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sums_of_several_workers_add_up() {
    const EVENTS: usize = 90;
    let app = TestApp::new().await;
    let receivers = [app.receiver().await, app.receiver().await, app.receiver().await];
    let mut subscriptions = Vec::new();
    for receiver in &receivers {
        subscriptions.push(app.subscribe("a.b", &receiver.url("/")).await);
    }
    let mut workers = [(); 3].map(|()| WorkerProcess::start(&app.url));
    app.send_many(EVENTS).await;
    for subscription in &subscriptions {
        app.deliveries(subscription, app::all_delivered(EVENTS)).await;
    }
    app.settled().await;
    for worker in &mut workers {
        worker.terminate();
    }
    for worker in &mut workers {
        assert!(worker.ended().await.success());
    }
    for subscription in &subscriptions {
        assert_eq!(stats(&app, subscription).await.attempts, 90);
    }
    assert_eq!(tallied(&app, "delivered", all()).await, 270);
    assert_eq!(app.count("thorn_worker").await, 0, "a worker that stops deletes its row");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_sums_become_hours_and_go_with_the_history_whatever_number_of_workers_there_is() {
    let app = TestApp::with(Config { keep: Some(HOUR * 24 * 10), ..app::config() }).await;
    let subscription = app.subscribe("a.b", "http://127.0.0.1:9/").await;
    let id = subscription.id;
    let hour = start_of(Timestamp::now() - HOUR * 72, HOUR);
    for (n, delivered) in [(0, 1), (1, 2), (2, 4), (3, 8)] {
        insert(&app, id, hour + MINUTE * 15 * n, 15, delivered, 1).await;
    }
    insert(&app, id, hour, 60, 100, 0).await;
    for n in 0..600 {
        insert(&app, all(), hour + HOUR + MINUTE * n, 1, 1, 0).await;
    }
    let recent = start_of(Timestamp::now() - HOUR * 3, MINUTE * 15);
    insert(&app, id, recent, 15, 16, 0).await;
    insert(&app, id, start_of(Timestamp::now() - HOUR * 24 * 11, HOUR), 60, 32, 0).await;
    let workers = [app.worker().await, app.worker().await, app.worker().await];
    app::eventually("hours", || async {
        let fine = app.count(&format!("thorn_tally WHERE minutes < 60 AND bucket < {}", recent.as_millis())).await;
        let rows = app.count("thorn_tally").await;
        if (fine, rows) == (0, 12) { Ok(()) } else { Err(format!("{fine} fine ones, {rows} rows")) }
    })
    .await;
    for worker in workers {
        worker.stop().await.unwrap();
    }
    assert_eq!(tallied(&app, "delivered", all()).await, 600);
    assert_eq!(tallied(&app, "delivered", id).await, 100 + 15 + 16);
    let figures = stats_of(&app, &subscription, 100).await;
    assert_eq!((figures.attempts, figures.p50_ms, figures.p95_ms), (135, Some(177), Some(247)));
    let point = figures.series.iter().find(|point| point.delivered == 115).unwrap();
    assert_eq!((point.at, point.failed), (hour, 4));
    let figures = stats(&app, &subscription).await;
    assert_eq!(figures.attempts, 16);
    // Only periods with failures count, and of those that were merged, the latest failure is kept.
    assert_eq!(figures.last_success_at, Some(recent));
    let last = figures.last_failure.unwrap();
    assert_eq!((last.at, last.error.as_deref()), (hour + MINUTE * 45, Some("status 500 of 8")));
}

#[tokio::test]
async fn health_is_the_first_of_disabled_paused_held_failing_idle_and_healthy() {
    let app = TestApp::new().await;
    let subscription = app.subscribe("a.b", "http://127.0.0.1:9/").await;
    let later = (Timestamp::now() + HOUR).as_millis();
    let since = Timestamp::now() - HOUR;
    let health = async || stats(&app, &subscription).await.health;
    assert_eq!(health().await, Health::Idle);
    insert(&app, subscription.id, start_of(since, MINUTE * 15), 15, 7, 1).await;
    assert_eq!(health().await, Health::Healthy);
    app.execute(&format!("UPDATE thorn_subscription SET failing_since = {}", since.as_millis())).await;
    let figures = stats(&app, &subscription).await;
    assert_eq!((figures.health, figures.failing_since), (Health::Failing, Some(since)));
    assert_eq!(figures.disables_at, app.thorn.config().disable_after.map(|after| since + after));
    app.execute(&format!("UPDATE thorn_subscription SET held_until = {later}, held_step = 1")).await;
    let figures = stats(&app, &subscription).await;
    assert_eq!((figures.health, figures.held_until), (Health::Held, Some(Timestamp::from_millis(later))));
    assert_eq!(figures.held.map(|held| (held.step, held.reason)), Some((1, None)));
    assert_eq!(app.thorn.status().await.unwrap().held, 1);
    app.change(&subscription, SubscriptionChange::default().pause()).await;
    assert_eq!(health().await, Health::Paused);
    app.change(&subscription, SubscriptionChange::default().enabled(false)).await;
    let figures = stats(&app, &subscription).await;
    assert_eq!((figures.health, figures.disables_at), (Health::Disabled, None));
    assert_eq!(app.thorn.status().await.unwrap().held, 0, "nothing is sent to it anyway");
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_count_what_waits_and_since_when() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let neighbour = app.subscribe("a.b", &receiver.url("/neighbour")).await;
    app.change(&subscription, SubscriptionChange::default().pause()).await;
    let worker = app.worker().await;
    let began = Timestamp::now();
    app.send_many(5).await;
    app.deliveries(&neighbour, app::all_delivered(5)).await;
    app.deliveries(&subscription, |rows| rows.len() == 5).await;
    let figures = stats(&app, &subscription).await;
    assert_eq!((figures.waiting, figures.attempts), (5, 0), "a delivery that waits is no attempt");
    let oldest = figures.oldest_waiting_at.unwrap();
    assert!(oldest >= began && oldest <= Timestamp::now(), "{oldest}");
    worker.stop().await.unwrap();
    assert_eq!(stats(&app, &neighbour).await.waiting, 0);
    let gone = app.subscribe("x.y", &receiver.url("/gone")).await;
    app.unsubscribe(&gone).await;
    let window = StatsWindow::new(None, None, None, Timestamp::now()).unwrap();
    app.thorn.stats(Access::Operator, gone.id, window).await.expect_err("it is deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_says_that_it_is_alive_and_forgets_those_that_are_long_gone() {
    let app = TestApp::new().await;
    let now = Timestamp::now();
    for (n, age) in [(1, HOUR * 2), (2, MINUTE * 30)] {
        let id = format!("00000000-0000-0000-0000-00000000000{n}").parse::<SubscriptionId>().unwrap();
        let id = literal(app.db().get_database_backend(), id.as_uuid());
        let (seen, until) = ((now - age).as_millis(), (now - age + MINUTE).as_millis());
        let columns = "id, name, version, started_at, seen_at, live_until, clock_ms, view";
        app.execute(&format!(
            "INSERT INTO thorn_worker ({columns}) VALUES ({id}, 'w-{n}', '0.1.0', {seen}, {seen}, {until}, 0, 0)"
        ))
        .await;
    }
    let worker = app.worker().await;
    app::eventually("the others' rows", || async {
        let names = app.text("SELECT name AS text FROM thorn_worker WHERE name LIKE 'w-%'").await;
        if names == ["w-2"] { Ok(()) } else { Err(format!("{names:?}")) }
    })
    .await;
    let names = app.text("SELECT name AS text FROM thorn_worker WHERE name NOT LIKE 'w-%'").await;
    assert!(names.len() == 1 && names[0].ends_with(&format!("-{}", std::process::id())), "{names:?}");
    let own = "thorn_worker WHERE name NOT LIKE 'w-%'";
    let seen = app.number(&format!("SELECT seen_at FROM {own}")).await;
    assert!(Timestamp::from_millis(seen).since(now) < MINUTE, "the database's clock is this machine's");
    assert!(app.number(&format!("SELECT clock_ms FROM {own}")).await.abs() < 5_000);
    app::eventually("another sign of life", || async {
        let again = app.number(&format!("SELECT seen_at FROM {own}")).await;
        if again > seen { Ok(()) } else { Err(again.to_string()) }
    })
    .await;
    worker.stop().await.unwrap();
    assert_eq!(app.count(own).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_sees_no_text_of_a_failed_connection() {
    let app = TestApp::with(Config { retry: RetryPolicy::never(), ..app::config() }).await;
    let subscription = app.subscribe_for(Some("alice"), "a.b", "http://127.0.0.1:9/").await;
    let worker = app.worker().await;
    app.send_many(1).await;
    app.deliveries(&subscription, app::is_dead).await;
    app.settled().await;
    worker.stop().await.unwrap();
    let now = Timestamp::now();
    let window = StatsWindow::new(None, None, None, now).unwrap();
    for (access, sees) in [(Access::Owner("alice"), false), (Access::Operator, true)] {
        let last = app.thorn.stats(access, subscription.id, window).await.unwrap().last_failure.unwrap();
        assert_eq!((last.status, last.error.is_some()), (None, sees), "{access:?}: {last:?}");
    }
}
