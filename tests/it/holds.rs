//! Holds: an endpoint that keeps failing gets few requests, and all its deliveries once it has recovered.

mod probes;

use std::time::{Duration, Instant};

use thorn::{
    Config, Event,
    attempt::{DeliveryState, HoldPolicy, HoldReason, RetryPolicy},
    history::{Delivery, StatsWindow},
    outbox,
    subscription::{Access, Subscription, SubscriptionChange},
    timestamp::Timestamp,
};
use thorn_core::testing::{Received, Reply};

use crate::{
    app::{self, PATIENCE, Receiver, TestApp, eventually},
    process::{self, WorkerProcess},
};

/// The most requests of an endpoint that are under way when its hold begins, see `docs/operating.md`.
const UNDER_WAY: usize = 16;

fn hold() -> HoldPolicy {
    HoldPolicy { after: Some(3), first: Duration::from_millis(200), longest: Duration::from_millis(800) }
}

/// The least time that these holds before the last one took.
fn hold_before(step: u32) -> Duration {
    (1..step).map(|holds| hold().wait(holds - 1, 0.0)).sum()
}

/// Retries that never give up in a test, and never come soon by themselves.
fn patient() -> RetryPolicy {
    RetryPolicy { jitter: 0.0, ..RetryPolicy::fixed(Duration::from_millis(100), 1_000) }
}

fn config() -> Config {
    Config { hold: hold(), retry: patient(), ..app::config() }
}

async fn held(app: &TestApp, subscription: &Subscription, step: u32) -> Subscription {
    eventually("a hold", || async {
        let now = app.reload(subscription).await;
        if now.held.as_ref().is_some_and(|hold| hold.step >= step) { Ok(now) } else { Err(format!("{:?}", now.held)) }
    })
    .await
}

/// Marks the application's subscriptions as held by a worker that is gone, and their holds as over.
async fn held_by_another(app: &TestApp) {
    app.execute(
        "UPDATE thorn_subscription SET held_until = 1, held_step = 2, version = (SELECT version + 1 FROM thorn_registry)",
    )
    .await;
    // Only now: a registry that saw this version first would never look for the change.
    app.execute("UPDATE thorn_registry SET version = version + 1").await;
}

async fn all_arrive(app: &TestApp, subscription: &Subscription, receiver: &Receiver, events: usize) {
    receiver.reply(Reply::status(204));
    app.deliveries(subscription, app::all_delivered(events)).await;
    app.settled().await;
    let now = app.reload(subscription).await;
    assert_eq!((now.held, now.failing_since), (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_keeps_failing_gets_few_requests_until_it_has_recovered() {
    const EVENTS: usize = 200;
    let app = TestApp::with(config()).await;
    let (receiver, healthy) = (app.receiver().await, app.receiver().await);
    receiver.reply(Reply::status(500));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let neighbour = app.subscribe("a.b", &healthy.url("/")).await;
    let worker = app.worker().await;
    app.send_many(EVENTS).await;
    held(&app, &subscription, 4).await;
    let requests = receiver.arrived();
    let failing = app.reload(&subscription).await;
    // Three failures begin the first hold, and each probe the next.
    let hold = failing.held.clone().unwrap();
    let step = hold.step;
    let most = 3 + UNDER_WAY + usize::try_from(step).unwrap();
    assert!(requests <= most, "{requests} requests in {step} holds");
    assert!(failing.failing_since.is_some());
    let cause = hold.cause.clone().unwrap();
    assert_eq!((cause.reason, cause.status), (HoldReason::Rejected, Some(500)));
    assert!(cause.since <= hold.until - hold_before(step), "{hold:?}: since the first of them");
    assert_eq!(app.thorn.status().await.unwrap().held, 1);
    let counted = worker.counters().holds;
    assert!(counted.of(HoldReason::Rejected) >= u64::from(step), "{counted:?}");
    assert_eq!(counted.total(), counted.of(HoldReason::Rejected));
    app.deliveries(&neighbour, app::all_delivered(EVENTS)).await;
    let waiting = app.deliveries(&subscription, |rows| rows.len() == EVENTS).await;
    assert!(waiting.iter().all(|row| row.state == Some(DeliveryState::Waiting)));
    assert!(waiting.iter().filter(|row| row.attempts == 0).count() > EVENTS / 2, "no attempt is used up");

    all_arrive(&app, &subscription, &receiver, EVENTS).await;
    assert_eq!(app.thorn.status().await.unwrap().held, 0);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_holds_every_retry_is_sent() {
    let app = TestApp::with(Config { hold: HoldPolicy::never(), ..config() }).await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(500).header("Retry-After", "0"));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    app.send_many(20).await;
    receiver.wait_for(100, PATIENCE).await.unwrap();
    assert_eq!(app.reload(&subscription).await.held, None);
    all_arrive(&app, &subscription, &receiver, 20).await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_asks_for_a_pause_gets_it_at_once_and_for_all_deliveries() {
    const EVENTS: usize = 200;
    for status in [429, 503] {
        // Deliveries outlast the hour in which they aren't tried.
        let retry = RetryPolicy::fixed(Duration::from_secs(60), 1_000);
        let app = TestApp::with(Config { retry, ..config() }).await;
        let receiver = app.receiver().await;
        receiver.reply(Reply::status(status).header("Retry-After", "3600"));
        let subscription = app.subscribe("a.b", &receiver.url("/")).await;
        let worker = app.worker().await;
        app.send_many(EVENTS).await;
        let failing = held(&app, &subscription, 1).await;
        app.deliveries(&subscription, |rows| rows.len() == EVENTS).await;
        let requests = receiver.arrived();
        assert!(requests <= UNDER_WAY, "{requests} requests to a receiver that answers {status}");
        let hold = failing.held.unwrap();
        let cause = hold.cause.unwrap();
        assert_eq!((cause.reason, cause.status), (HoldReason::Asked, Some(status)));
        assert!(worker.counters().holds.of(HoldReason::Asked) >= 1);
        let window = StatsWindow::new(None, None, None, Timestamp::now()).unwrap();
        let shown = app.thorn.stats(Access::Operator, subscription.id, window).await.unwrap().held.unwrap();
        assert_eq!((shown.reason, shown.status), (Some(HoldReason::Asked), Some(status)));
        let until = hold.until;
        assert!(until.since(failing.created_at) >= Duration::from_secs(3600), "{until}");

        // An owner who knows better ends the hold, or its wait.
        receiver.reply(Reply::status(204));
        if status == 429 {
            let enabled = app.change(&subscription, SubscriptionChange::default().enabled(true)).await;
            assert_eq!(enabled.held, None);
        } else {
            let probed = app.thorn.subscriptions().probe(Access::Operator, subscription.id).await.unwrap();
            assert!(probed.held.as_ref().is_none_or(|hold| hold.until <= Timestamp::now()), "{probed:?}");
        }
        all_arrive(&app, &subscription, &receiver, EVENTS).await;
        worker.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_the_receiver_refuses_holds_nothing() {
    let app = TestApp::with(config()).await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(422));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    app.send_many(5).await;
    receiver.wait_for(30, PATIENCE).await.unwrap();
    assert_eq!(app.reload(&subscription).await.held, None);
    all_arrive(&app, &subscription, &receiver, 5).await;
    worker.stop().await.unwrap();
}

/// A worker process with short holds.
fn worker_with_holds(app: &TestApp) -> WorkerProcess {
    let mut command = process::command(&app.url);
    command
        .env("THORN_HOLD_AFTER", "3")
        .env("THORN_HOLD_FIRST", "0.1")
        .env("THORN_HOLD_LONGEST", "0.3")
        .env("THORN_RETRY_MAX", "1000");
    WorkerProcess::spawn(&mut command)
}

#[tokio::test(flavor = "multi_thread")]
async fn several_workers_send_one_probe_at_a_time() {
    const EVENTS: usize = 60;
    let app = TestApp::with(config()).await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(500).delay(Duration::from_millis(200)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    held_by_another(&app).await;
    app.send_many(EVENTS).await;
    let workers = [(); 3].map(|()| worker_with_holds(&app));
    receiver.wait_for(5, PATIENCE).await.unwrap();
    assert_eq!(receiver.most_at_once(), 1, "one probe at a time");
    all_arrive(&app, &subscription, &receiver, EVENTS).await;
    drop(workers);
}

/// How long the receiver takes for each delivery of a backlog.
const TAKES: Duration = Duration::from_millis(50);

/// The most of these requests that were under way at once until the given time. A request that the receiver answers is
/// under way for at least [`TAKES`].
fn most_at_once(received: &[Received], until: Instant) -> usize {
    let began: Vec<_> = received.iter().map(|request| request.at).filter(|at| *at < until).collect();
    let at_once = |now| began.iter().filter(|at| **at <= now && now < **at + TAKES).count();
    began.iter().map(|at| at_once(*at)).max().unwrap_or_default()
}

async fn a_backlog_comes_slowly_at_first(workers: usize) {
    const WAITING: i64 = 10_000;
    let app = TestApp::with(config()).await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(500).delay(TAKES));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    held_by_another(&app).await;
    let events = (0..WAITING).map(|n| Event::new("a.b").broadcast().render(&n).unwrap());
    outbox::write(app.db(), events.collect()).await.unwrap();
    let workers: Vec<_> = (0..workers).map(|_| worker_with_holds(&app)).collect();
    let mut rows = 0;
    while rows < WAITING {
        rows = eventually("further deliveries that wait", || async {
            let now = app.count("thorn_delivery WHERE state = 'waiting'").await;
            if now > rows { Ok(now) } else { Err(format!("{now} of {WAITING} wait")) }
        })
        .await;
    }
    receiver.wait_for(3, PATIENCE).await.unwrap();
    assert_eq!(receiver.most_at_once(), 1, "one probe at a time");

    let recovered = Instant::now();
    receiver.reply(Reply::status(204).delay(TAKES));
    let before = receiver.arrived();
    let mut received = receiver.wait_for(before + 400, PATIENCE).await.unwrap();
    // The first of these is the probe that ends the holds, or one that failed a moment before.
    received.retain(|request| request.at >= recovered);
    let probed = received[0].at;
    let at_first = most_at_once(&received, probed + Duration::from_secs(1));
    assert!(at_first <= 16 * workers.len(), "{at_first} at once in the first second");
    assert!(receiver.most_at_once() > 1, "no more probes");
    let now = app.reload(&subscription).await;
    assert_eq!((now.held, now.failing_since), (None, None));
    app.ignore_the_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_that_wait_for_the_end_of_a_hold_come_at_most_sixteen_at_once_at_first() {
    a_backlog_comes_slowly_at_first(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_come_at_most_sixteen_at_once_from_each_of_three_workers_at_first() {
    a_backlog_comes_slowly_at_first(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_comes_during_a_probe_waits_for_its_result_and_not_for_its_timeout() {
    let app = TestApp::with(config()).await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(204).delay(Duration::from_secs(3)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    held_by_another(&app).await;
    let worker = app.worker().await;
    app.send_many(1).await;
    receiver.wait_for(1, PATIENCE).await.unwrap();
    let probed_until = app.reload(&subscription).await.held.unwrap().probed_until.unwrap();
    let later = Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
    let rows = app
        .deliveries_of(later, |rows| {
            rows.iter().any(|row| row.next_attempt_at.is_some() || row.state == Some(DeliveryState::Delivered))
        })
        .await;
    assert!(rows[0].next_attempt_at.is_none_or(|due| due < probed_until), "{rows:?}, {probed_until}");
    all_arrive(&app, &subscription, &receiver, 2).await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_uses_up_no_attempt_but_a_delivery_older_than_all_its_retries_is_given_up() {
    let one = HoldPolicy { after: Some(1), ..hold() };
    let app = TestApp::with(Config { hold: one, ..config() }).await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(500));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    let event = Event::new("a.b").broadcast();
    let kept = event.clone().send(app.db(), &1).await.unwrap();
    held(&app, &subscription, 5).await;
    let counted = app.text("SELECT CAST(attempts - uncounted AS CHAR(9)) AS text FROM thorn_delivery").await;
    assert_eq!(counted.iter().map(|text| text.trim()).collect::<Vec<_>>(), ["1"]);
    // All retries of this one take 0.1 s, and the holds are longer.
    let given_up = event.retry(RetryPolicy::fixed(Duration::from_millis(50), 3)).send(app.db(), &2).await.unwrap();
    let rows = app.deliveries_of(given_up, app::is_dead).await;
    assert!(rows[0].attempts < 3, "{rows:?}");
    receiver.reply(Reply::status(204));
    let rows = app.deliveries_of(kept, app::is_delivered).await;
    assert!(rows[0].attempts > 5, "{rows:?}");
    app.settled().await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_whose_deliveries_are_held_is_disabled_in_the_end() {
    let app = TestApp::with(Config { disable_after: Some(Duration::from_millis(1_500)), ..config() }).await;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(500));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    app.send_many(20).await;
    let disabled = eventually("disabling", || async {
        app.reload(&subscription).await.disabled.ok_or_else(|| "still enabled".to_owned())
    })
    .await;
    assert!(disabled.at.since(subscription.created_at) >= Duration::from_millis(1_500), "{disabled:?}");
    app.ignore_the_rest();
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_fails_since_the_first_failed_attempt_after_a_success_and_not_since_the_last() {
    let three = RetryPolicy { jitter: 0.0, ..RetryPolicy::fixed(Duration::from_millis(200), 3) };
    let app = TestApp::with(Config { hold: HoldPolicy::never(), retry: three, ..app::config() }).await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    for period in 0..2 {
        receiver.reply(Reply::status(500));
        // It is noted when a delivery is given up. The second one changes nothing.
        let mut given_up = Vec::new();
        for _ in 0..2 {
            let event = Event::new("a.b").broadcast().send(app.db(), &period).await.unwrap();
            given_up.append(&mut app.deliveries_of(event, app::is_dead).await);
            app.settled().await;
        }
        let since = app.reload(&subscription).await.failing_since.unwrap();
        let [_, ended] = past_attempt(&app, &given_up[0], 1).await;
        let [began, _] = past_attempt(&app, &given_up[0], 2).await;
        assert!((ended..=began).contains(&since), "{since} isn't between {ended} and {began}");

        receiver.reply(Reply::status(204));
        let event = Event::new("a.b").broadcast().send(app.db(), &period).await.unwrap();
        app.deliveries_of(event, app::is_delivered).await;
        app.settled().await;
        assert_eq!(app.reload(&subscription).await.failing_since, None);
    }
    worker.stop().await.unwrap();
}

/// When an earlier attempt of the delivery began and ended.
async fn past_attempt(app: &TestApp, delivery: &Delivery, number: u32) -> [Timestamp; 2] {
    let id = app::literal(app.db().get_database_backend(), delivery.id.as_uuid());
    let row = format!("FROM thorn_attempt WHERE delivery_id = {id} AND number = {number}");
    let began = format!("SELECT CAST(attempted_at AS CHAR(20)) AS text {row}");
    let ended = format!("SELECT CAST(attempted_at + duration_ms AS CHAR(20)) AS text {row}");
    let mut times = Vec::new();
    for sql in [began, ended] {
        times.push(Timestamp::from_millis(app.text(&sql).await[0].trim().parse().unwrap()));
    }
    [times[0], times[1]]
}
