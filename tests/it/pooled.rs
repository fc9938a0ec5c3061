//! PostgreSQL behind a pooler: PgBouncer as it is installed here, and a double of a newer one.

mod bouncer;
mod double;

use std::time::Duration;

use sea_orm::TransactionTrait as _;
use thorn::{Config, Event, worker::Worker};
use thorn_test_support::Place;

use self::{bouncer::Bouncer, double::Pooler};
use crate::app::{PATIENCE, TestApp, all_delivered, config, eventually};

/// Connections that listen for notifications, on the whole server.
const LISTENERS: &str = "pg_stat_activity WHERE query ILIKE 'LISTEN%thorn_event%' AND datname = current_database()";

/// Sends so many events at the same time, and returns those that failed.
async fn failures(app: &TestApp, events: usize) -> Vec<thorn::Error> {
    let sending = (0..events).map(|n| async move { Event::new("a.b").broadcast().send(app.db(), &n).await });
    futures::future::join_all(sending).await.into_iter().filter_map(Result::err).collect()
}

/// Checks that 400 events, 40 at the same time, are saved and delivered. Returns the worker, which still runs.
async fn saves_and_delivers(app: &TestApp) -> Worker {
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    for _ in 0..10 {
        let failures = failures(app, 40).await;
        assert!(failures.is_empty(), "{failures:?}");
    }
    app.deliveries(&subscription, all_delivered(400)).await;
    worker
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_behind_a_pooler_that_shares_sessions_disturbs_no_save() {
    let Some(place) = Place::postgres().await else { return };
    let pooler = Pooler::start(&place.url).await;
    let app = TestApp::on(Place::given(pooler.url(&place.url)), config()).await;
    let worker = saves_and_delivers(&app).await;
    assert_eq!(app.count(LISTENERS).await, 0);
    worker.stop().await.unwrap();
    // A control: somebody listens through the pooler.
    app.execute("LISTEN thorn_event").await;
    eventually("a notification in the middle of a save", || async {
        if failures(&app, 40).await.is_empty() { Err("every save succeeded".to_owned()) } else { Ok(()) }
    })
    .await;
    app.ignore_the_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_url_past_the_pooler_a_worker_is_notified() {
    let Some(place) = Place::postgres().await else { return };
    let pooler = Pooler::start(&place.url).await;
    let poll_interval = Duration::from_secs(600);
    let config = Config { listen_url: Some(place.url.parse().unwrap()), poll_interval, ..config() };
    let app = TestApp::on(Place::given(pooler.url(&place.url)), config).await;
    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    eventually("a listener", || async {
        if app.count(LISTENERS).await == 1 { Ok(()) } else { Err("nobody listens".to_owned()) }
    })
    .await;
    // In a transaction of the caller's own: nothing but the notification tells of its commit.
    let txn = app.db().begin().await.unwrap();
    Event::new("a.b").broadcast().send(&txn, &1).await.unwrap();
    txn.commit().await.unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pgbouncer_with_sessions_of_their_own_works_with_notifications() {
    let Some(place) = Place::postgres().await else { return };
    let Some(bouncer) =
        Bouncer::start(&place.url, "pool_mode=session\nignore_startup_parameters=extra_float_digits").await
    else {
        return;
    };
    let app = TestApp::on(Place::given(bouncer.url(&place.url)), config()).await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    app.send_many(40).await;
    app.deliveries(&subscription, all_delivered(40)).await;
    assert_eq!(app.count(LISTENERS).await, 1);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn pgbouncer_in_transaction_mode_works_or_the_error_says_what_it_needs() {
    let Some(place) = Place::postgres().await else { return };
    let settings = "pool_mode=transaction\nignore_startup_parameters=extra_float_digits";
    let Some(version) = bouncer::version() else { return };
    if version < (1, 21) {
        let bouncer = Bouncer::start(&place.url, settings).await.unwrap();
        let error = thorn::connect(&bouncer.url(&place.url)).await.unwrap_err().to_string();
        assert!(error.contains("1.21") && error.contains("max_prepared_statements"), "{error}");
        return;
    }
    let bouncer = Bouncer::start(&place.url, &format!("{settings}\nmax_prepared_statements=200")).await.unwrap();
    let app = TestApp::on(Place::given(bouncer.url(&place.url)), config()).await;
    let worker = saves_and_delivers(&app).await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_startup_parameter_that_pgbouncer_refuses_is_named_with_the_setting_that_helps() {
    let Some(place) = Place::postgres().await else { return };
    let Some(bouncer) = Bouncer::start(&place.url, "pool_mode=session").await else { return };
    let url = format!("{}?options[search_path]=a", bouncer.url(&place.url));
    let error = thorn::connect(&url).await.unwrap_err().to_string();
    assert!(error.contains("unsupported startup parameter") && error.contains("ignore_startup_parameters"), "{error}");
}
