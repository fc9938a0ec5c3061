//! Tasks that the queue loses, holds or shouldn't hold.

mod encrypted;
mod joining;
mod latency;
pub(crate) mod place;
mod places;
mod sharing;

use std::time::Duration;

use sea_orm::{ConnectionTrait, DbBackend};
use thorn::{Config, DeliveryId, attempt::DeliveryState, event::Event};

use crate::app::{self, TestApp};

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_loses_every_task_costs_time_and_no_delivery() {
    if !app::sees_tasks() {
        return;
    }
    let (app, receiver, subscription, worker) = TestApp::delivering("a.b").await;
    app.lose_tasks().await;
    for n in 0..120 {
        Event::new("a.b").broadcast().send(app.db(), &n).await.unwrap();
    }
    app.relayed().await;
    assert!(receiver.received().is_empty());
    app.leave_tasks().await;

    let rows = app.deliveries(&subscription, |rows| rows.len() == 120).await;
    assert!(rows.iter().all(|row| row.state == Some(DeliveryState::Delivered)));
    app.settled().await;
    assert!(worker.counters().recovered >= 120);
    assert_eq!(receiver.received().len(), 120);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_stuck_for_ever_excuses_nothing_for_ever() {
    if !app::sees_tasks() {
        return;
    }
    let config = Config { audit_after: Duration::from_millis(500), ..app::config() };
    let app = TestApp::with(config).await;
    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    // In nobody's hands, so that nobody takes it over.
    let jobs = app.jobs();
    app.execute(&format!(
        "INSERT INTO {jobs} (id, job_type, job, status) \
         VALUES ('01ARZ3NDEKTSV4RRFFQ69G5FAV', 'thorn', '{{}}', 'Queued')"
    ))
    .await;
    app.lose_tasks().await;
    Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
    app.relayed().await;
    app.leave_tasks().await;
    receiver.wait_for(1, app::PATIENCE).await.unwrap();
    app.settled().await;
    assert_eq!(receiver.received().len(), 1);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_no_chunk_is_passed_over() {
    if !app::sees_tasks() {
        return;
    }
    let (app, receiver, _, worker) = TestApp::delivering("a.b").await;
    let jobs = app.jobs();
    let bytes = if app.db().get_database_backend() == DbBackend::Postgres { "bytea" } else { "blob" };
    for job in ["'{}'", "'[1,2]'", "'{\"v\":99,\"events\":[],\"deliveries\":[]}'", "'null'"] {
        app.execute(&format!(
            "INSERT INTO {jobs} (id, job_type, job) \
             VALUES ('01ARZ3NDEKTSV4RRFFQ69G5F{:02}', 'thorn', CAST({job} AS {bytes}))",
            job.len()
        ))
        .await;
    }
    Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
    receiver.wait_for(1, app::PATIENCE).await.unwrap();
    app.settled().await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_and_no_finished_task_stays_in_the_queue() {
    if !app::sees_tasks() {
        return;
    }
    let (app, receiver, subscription, worker) = TestApp::delivering("a.b").await;
    app.watch_tasks().await;
    Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
    receiver.wait_for(1, app::PATIENCE).await.unwrap();
    app.settled().await;
    let passed = app.seen_tasks().await;
    assert_eq!(passed.len(), 1);
    assert!(
        passed[0].contains("a.b")
            && !passed[0].contains(subscription.spec.destination.signing.secret.as_ref().unwrap().expose()),
        "{passed:?}"
    );
    app::eventually("an empty queue", || async {
        let left = app.text(&format!("SELECT status AS text FROM {}", app.jobs())).await;
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_was_changed_in_the_queue_is_not_sent_and_the_relay_s_is() {
    if !app::sees_tasks() {
        return;
    }
    for (text, other) in [
        ("honest", "forged"),
        (r#"["a.b",1]"#, r#"["a.forged",1]"#),
        (r#""own-header""#, r#""X-Forged""#),
        (r#""options":{"#, r#""options":{"keep_alive":false,"#),
        (r#""deliveries":["#, r#""check":false,"deliveries":["#),
    ] {
        let (app, receiver, subscription, worker) = TestApp::delivering("a.b").await;
        app.forge_a_task(text, other).await;
        let event = Event::new("a.b").broadcast().header("own-header", "x");
        let id = event.send(app.db(), "honest").await.unwrap();
        let request = receiver.wait_for(1, app::PATIENCE).await.unwrap().remove(0);
        app.settled().await;
        worker.stop().await.unwrap();
        assert_eq!(
            app.text("SELECT id AS text FROM forged").await.len(),
            1,
            "{text}: the process knew what it had packed"
        );
        assert_eq!((&request.json()["data"], request.header("hook-event")), (&"honest".into(), "a.b"), "{text}");
        assert_eq!((request.header("own-header"), request.header("x-forged")), ("x", ""), "{text}");
        assert_eq!(request.header("hook-delivery"), DeliveryId::derive(id, subscription.id).to_string());
        assert_eq!(receiver.received().len(), 1, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_with_the_code_of_another_database_is_refused() {
    if !app::sees_tasks() {
        return;
    }
    let (app, receiver, _, worker) = TestApp::delivering("a.b").await;
    let key = || async { app.text("SELECT task_key AS text FROM thorn_registry").await };
    let first = key().await;
    assert_eq!(first[0].len(), 44, "32 bytes in base64");
    worker.stop().await.unwrap();
    let worker = app.worker().await;
    assert_eq!(key().await, first, "workers share one key");
    app.forge_a_task(r#","m":""#, r#","m":"A"#).await;
    Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
    receiver.wait_for(1, app::PATIENCE).await.unwrap();
    app.settled().await;
    worker.stop().await.unwrap();
    assert!(app.text("SELECT id AS text FROM forged").await.len() > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_k14_the_queue_is_in_the_application_s_database_unless_the_url_says_otherwise() {
    if !app::sees_tasks() {
        return;
    }
    for (queue_url, expected) in [(None, true), (Some("memory:".parse().unwrap()), false)] {
        let app = TestApp::with(Config { queue_url, ..app::config() }).await;
        let receiver = app.receiver().await;
        app.subscribe("a.b", &receiver.url("/")).await;
        let worker = app.worker().await;
        Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
        receiver.wait_for(1, app::PATIENCE).await.unwrap();
        app.settled().await;
        let table = app.db().execute_unprepared(&format!("SELECT id FROM {}", app.jobs())).await;
        assert_eq!(table.is_ok(), expected, "{table:?}");
        worker.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_queue_that_can_t_be_reached_is_named_without_its_password() {
    let queue_url = Some("redis://thorn:hunter2@127.0.0.1:1/".parse().unwrap());
    let app = TestApp::with(Config { queue_url, ..app::config() }).await;
    let refused = app.thorn.start_worker().await.unwrap_err();
    let message = format!("{refused} {refused:?}");
    let expected = if cfg!(feature = "redis") { "redis://127.0.0.1" } else { "enable thorn's feature `redis`" };
    assert!(message.contains(expected), "{message}");
    assert!(!message.contains("hunter2") && !format!("{:?}", app.thorn).contains("hunter2"), "{message}");
}
