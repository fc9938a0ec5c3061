//! Whatever process dies when: nothing is lost, and little is sent twice.

use std::{
    collections::HashMap,
    process::Command,
    time::{Duration, Instant, SystemTime},
};

use sea_orm::TransactionTrait;
use thorn::{DeliveryId, EventId, event::Event, record::DeliveryState, subscription::Subscription};
use thorn_core::testing::{Receiver, Reply};

use crate::{
    app::{self, App, PATIENCE},
    process::{self, TAKEOVER, WorkerProcess},
};

/// Events in transactions of 25.
async fn send(app: &App, events: usize) -> Vec<EventId> {
    let mut ids = Vec::with_capacity(events);
    while ids.len() < events {
        let txn = app.db().begin().await.unwrap();
        for _ in 0..(events - ids.len()).min(25) {
            ids.push(Event::new("a.b").broadcast().send(&txn, &ids.len()).await.unwrap());
        }
        txn.commit().await.unwrap();
    }
    ids
}

/// How often each delivery arrived.
fn arrivals(receiver: &Receiver) -> HashMap<String, usize> {
    let mut arrivals = HashMap::new();
    for request in receiver.received() {
        *arrivals.entry(request.header("hook-delivery").to_owned()).or_default() += 1;
    }
    arrivals
}

fn duplicates(receiver: &Receiver) -> usize {
    arrivals(receiver).values().map(|times| times - 1).sum()
}

/// Ids of the subscription's deliveries that are recorded as delivered, once that many are.
async fn delivered(app: &App, subscription: &Subscription, wanted: usize) -> Vec<DeliveryId> {
    let sql = format!(
        "SELECT lower(hex(id)) AS text FROM thorn_delivery WHERE state = '{}' AND subscription_id = x'{}'",
        DeliveryState::Delivered,
        subscription.id.as_uuid().simple(),
    );
    let ids = app::eventually("deliveries", || async {
        let ids = app.text(&sql).await;
        if ids.len() >= wanted {
            Ok(ids)
        } else {
            Err(format!("{} of {wanted}; {:?}", ids.len(), app.thorn.status().await))
        }
    })
    .await;
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

/// Waits until a worker has made the queue's tables and asks for tasks.
async fn working(app: &App, worker: &WorkerProcess) {
    let sql = format!(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM Workers WHERE id LIKE '{}%') THEN 'yes' ELSE 'no' END AS text",
        worker.name()
    );
    app::eventually("a working worker", || async {
        let tables = app.text("SELECT name AS text FROM sqlite_master WHERE name = 'Workers'").await;
        let registered = if tables.is_empty() { Vec::new() } else { app.text(&sql).await };
        if registered == ["yes"] { Ok(()) } else { Err(worker.log()) }
    })
    .await;
}

async fn number(app: &App, sql: &str) -> usize {
    app.text(&format!("SELECT CAST(({sql}) AS TEXT) AS text")).await[0].parse().unwrap()
}

/// Keeps count of tasks that another worker took over, or a stopping one handed back.
async fn count_takeovers(app: &App) {
    app.execute(
        "CREATE TABLE takeover (task TEXT); CREATE TRIGGER takeover AFTER UPDATE OF lock_by ON Jobs \
         WHEN OLD.lock_by IS NOT NULL AND NEW.lock_by IS NULL BEGIN INSERT INTO takeover VALUES (NEW.id); END",
    )
    .await;
}

/// Random numbers that come again with the same seed (`SplitMix64`).
struct Random(u64);

impl Random {
    /// Seeded by `THORN_TEST_SEED`, else by the clock; the seed is printed.
    fn new() -> Self {
        let clock = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos().into();
        let seed = std::env::var("THORN_TEST_SEED").map_or_else(|_| clock(), |seed| seed.parse().unwrap());
        println!("THORN_TEST_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % end
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_again_and_again_loses_nothing() {
    const EVENTS: usize = 1000;
    const KILLS: usize = 8;
    /// Deliveries that may be under way at once, so that the work lasts as long as the killing.
    const AHEAD: usize = 300;
    let mut random = Random::new();
    let (app, receiver) = (App::new().await, Receiver::start().await.unwrap());
    receiver.reply(Reply::status(204).delay(Duration::from_millis(5)));
    let subscriptions =
        [app.subscribe("a.b", &receiver.url("/one")).await, app.subscribe("a.*", &receiver.url("/two")).await];
    let mut worker = WorkerProcess::start(&app.url);
    working(&app, &worker).await;
    count_takeovers(&app).await;

    let started = Instant::now();
    let write = async {
        let mut events = Vec::with_capacity(EVENTS);
        while events.len() < EVENTS {
            events.extend(send(&app, 25).await);
            let expected = events.len() * subscriptions.len();
            receiver.wait_for(expected.saturating_sub(AHEAD), PATIENCE).await.unwrap();
        }
        events
    };
    let kill = async {
        let stretch = EVENTS * subscriptions.len() / (KILLS + 1);
        for n in 0..KILLS {
            // The moment is chosen at random, in work done rather than in time: so it is never idle.
            let moment = n * stretch + usize::try_from(random.below(stretch as u64)).unwrap();
            receiver.wait_for(moment.max(1), PATIENCE).await.unwrap();
            worker.kill();
            worker = WorkerProcess::start(&app.url);
        }
    };
    let (events, ()) = tokio::join!(write, kill);

    let mut recorded = 0;
    for subscription in &subscriptions {
        let mut ids = delivered(&app, subscription, EVENTS).await;
        let mut expected: Vec<_> = events.iter().map(|event| DeliveryId::derive(*event, subscription.id)).collect();
        ids.sort_unstable();
        expected.sort_unstable();
        assert_eq!(ids, expected);
        recorded += ids.len();
    }
    app.settled().await;
    let seconds = started.elapsed().as_secs_f32();
    let arrivals = arrivals(&receiver);
    let expected = subscriptions.iter().flat_map(|to| events.iter().map(|event| DeliveryId::derive(*event, to.id)));
    let lost = expected.filter(|id| !arrivals.contains_key(&id.to_string())).count();
    let duplicated = duplicates(&receiver);
    let taken_over = number(&app, "SELECT COUNT(*) FROM takeover").await;
    println!("accepted  delivered  duplicated  lost  kills  tasks taken over  seconds");
    println!(
        "{:8}  {recorded:9}  {duplicated:10}  {lost:4}  {KILLS:5}  {taken_over:16}  {seconds:7.1}",
        events.len() * subscriptions.len()
    );
    assert_eq!((recorded, lost), (EVENTS * subscriptions.len(), 0));
    assert!(taken_over > 0, "no kill hit a task in hand, so this shows nothing");
    // What a kill may cost: the requests in two lanes at most, and what waited to be recorded.
    assert!(duplicated <= KILLS * AHEAD / 2, "{duplicated} duplicates");
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_requests_of_a_killed_worker_are_taken_over() {
    const EVENTS: usize = 10;
    let (app, receiver) = (App::new().await, Receiver::start().await.unwrap());
    receiver.reply(Reply::status(200).delay(Duration::from_secs(3600)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let start = || WorkerProcess::spawn(process::command(&app.url).env("THORN_EVENT_TIMEOUT", "60"));
    let mut first = start();
    send(&app, EVENTS).await;
    receiver.wait_for(EVENTS, PATIENCE).await.unwrap();
    let second = start();
    working(&app, &second).await;
    receiver.reply(Reply::status(204));

    let killed = Instant::now();
    first.kill();
    delivered(&app, &subscription, EVENTS).await;
    let took = killed.elapsed();
    println!("taken over after {:.1} s with THORN_TAKEOVER={TAKEOVER}", took.as_secs_f32());
    assert!(took < Duration::from_secs(TAKEOVER * 5), "{took:?}");
    app.settled().await;
    assert!(arrivals(&receiver).values().all(|times| *times == 2), "once each from the killed worker and the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopping_worker_finishes_what_it_began_and_hands_back_the_rest() {
    const EVENTS: usize = 400;
    let (app, receiver) = (App::new().await, Receiver::start().await.unwrap());
    receiver.reply(Reply::status(204).delay(Duration::from_millis(300)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let mut worker = WorkerProcess::spawn(process::command(&app.url).env("THORN_EVENT_TIMEOUT", "5"));
    send(&app, EVENTS).await;
    receiver.wait_for(1, PATIENCE).await.unwrap();

    let told = Instant::now();
    worker.terminate();
    let status = worker.ended().await;
    let took = told.elapsed();
    assert!(status.success(), "{status}: {}", worker.log());
    // Far less than its deadline of ten, because requests take 0.3 s.
    assert!(took < Duration::from_secs(5), "{took:?}: {}", worker.log());
    let mut begun: Vec<_> = arrivals(&receiver).into_keys().collect();
    let mut recorded: Vec<_> = delivered(&app, &subscription, 0).await.iter().map(ToString::to_string).collect();
    begun.sort_unstable();
    recorded.sort_unstable();
    println!("stopped after {:.1} s with {} of {EVENTS} delivered", took.as_secs_f32(), begun.len());
    assert_eq!(begun, recorded, "what was begun is recorded, and nothing else");
    assert!(begun.len() < EVENTS, "there was no backlog, so this shows nothing");

    receiver.reply(Reply::status(204));
    let continued = Instant::now();
    let _second = WorkerProcess::start(&app.url);
    delivered(&app, &subscription, EVENTS).await;
    println!("another worker delivered the rest in {:.1} s", continued.elapsed().as_secs_f32());
    app.settled().await;
    assert_eq!((arrivals(&receiver).len(), duplicates(&receiver)), (EVENTS, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_locked_for_longer_than_a_worker_waits_cuts_no_request_off() {
    const EVENTS: usize = 10;
    let (app, receiver) = (App::new().await, Receiver::start().await.unwrap());
    // Until after the lock.
    receiver.reply(Reply::status(204).delay(Duration::from_secs(13)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker = WorkerProcess::spawn(process::command(&app.url).env("THORN_TAKEOVER", "20"));
    working(&app, &worker).await;
    send(&app, EVENTS).await;
    receiver.wait_for(EVENTS, PATIENCE).await.unwrap();

    let txn = app.db().begin().await.unwrap();
    Event::new("a.b").broadcast().send(&txn, &()).await.unwrap();
    app::eventually("a worker that gave up", || async {
        let log = worker.log();
        if log.contains("starting it anew") { Ok(()) } else { Err(log) }
    })
    .await;
    assert!(delivered(&app, &subscription, 0).await.is_empty(), "the lock came too late to show anything");
    txn.rollback().await.unwrap();
    delivered(&app, &subscription, EVENTS).await;
    assert_eq!((arrivals(&receiver).len(), duplicates(&receiver)), (EVENTS, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_on_one_file_relay_and_deliver_each_event_once() {
    const EVENTS: usize = 1000;
    let (app, receiver) = (App::new().await, Receiver::start().await.unwrap());
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    app.execute(
        "CREATE TABLE relayed (event BLOB); CREATE TRIGGER relayed AFTER UPDATE OF relayed_at ON thorn_event \
         BEGIN INSERT INTO relayed VALUES (NEW.id); END",
    )
    .await;
    // Both at once, on a database that has no queue yet.
    let workers = [WorkerProcess::start(&app.url), WorkerProcess::start(&app.url)];
    for worker in &workers {
        working(&app, worker).await;
    }
    let started = Instant::now();
    send(&app, EVENTS).await;
    delivered(&app, &subscription, EVENTS).await;
    println!("{EVENTS} deliveries by two workers in {:.1} s", started.elapsed().as_secs_f32());
    app.settled().await;
    assert_eq!(number(&app, "SELECT COUNT(*) FROM relayed").await, EVENTS);
    assert_eq!((arrivals(&receiver).len(), duplicates(&receiver)), (EVENTS, 0));
    for worker in &workers {
        let log = worker.log();
        let deliveries = log.matches(" delivered ").count();
        println!("{} logged {deliveries} deliveries", worker.name());
        assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_start_at_once_make_the_tables_once() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/new.db", dir.path().display());
    let mut workers: Vec<_> = (0..4).map(|_| WorkerProcess::start(&url)).collect();
    for worker in &workers {
        app::eventually("a working worker", || async {
            let log = worker.log();
            if log.contains("worker started") { Ok(()) } else { Err(log) }
        })
        .await;
    }
    for worker in &mut workers {
        worker.terminate();
        assert!(worker.ended().await.success(), "{}", worker.log());
    }
}

/// Not a test but an application that dies, when the test below runs it.
#[tokio::test]
async fn application_that_aborts() {
    let (Ok(moment), Ok(url)) = (std::env::var("THORN_TEST_ABORT"), std::env::var("DATABASE_URL")) else { return };
    let db = thorn::connect(&url).await.unwrap();
    let txn = db.begin().await.unwrap();
    let id = Event::new("a.b").broadcast().send(&txn, &moment).await.unwrap();
    if moment == "committed" {
        txn.commit().await.unwrap();
    }
    println!("wrote {id}");
    std::process::abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_dies_before_the_commit_sent_nothing_and_after_it_everything() {
    let (app, receiver) = (App::new().await, Receiver::start().await.unwrap());
    app.subscribe("a.b", &receiver.url("/")).await;
    for moment in ["uncommitted", "committed"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "crashes::application_that_aborts", "--nocapture"]);
        let output = process::output(command.env("THORN_TEST_ABORT", moment).env("DATABASE_URL", &app.url));
        let written = String::from_utf8_lossy(&output.stdout);
        assert!(written.contains("wrote ") && !output.status.success(), "{output:?}");
    }
    let _worker = WorkerProcess::start(&app.url);
    receiver.wait_for(1, PATIENCE).await.unwrap();
    app.settled().await;
    let sent: Vec<_> = receiver.received().iter().map(|request| request.json()["data"].clone()).collect();
    assert_eq!(sent, ["committed"]);
}

#[test]
fn the_worker_shows_its_settings_and_refuses_wrong_ones_by_name_and_value() {
    let help = process::output(process::command("sqlite::memory:").arg("--help"));
    assert!(help.status.success());
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for setting in ["DATABASE_URL", "THORN_ALLOW_NETWORKS", "THORN_EVENT_TIMEOUT", "THORN_TAKEOVER", "RUST_LOG"] {
        assert!(help.contains(setting), "{setting}: {help}");
    }

    let refusal = |command: &mut Command| {
        let output = process::output(command);
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let message = refusal(process::command("sqlite::memory:").env("THORN_EVENT_TIMEOUT", "soon"));
    assert!(message.contains("THORN_EVENT_TIMEOUT=soon: expected seconds"), "{message}");
    let message = refusal(&mut process::command("sqlite:///no/such/folder/app.db"));
    assert!(message.contains("sqlite:///no/such/folder/app.db") && message.contains("DATABASE_URL"), "{message}");
    let message = refusal(&mut process::command("postgras://me:hunter2@db/app"));
    assert!(message.contains("postgras://me:") && message.contains("DATABASE_URL"), "{message}");
    assert!(!message.contains("hunter2"), "{message}");
}
