//! How long events and deliveries are kept.

use std::time::Duration;

use thorn::{Config, attempt::RetryPolicy, event::Event};
use thorn_core::testing::Reply;

use crate::app::{self, TestApp};

const EVENTS: &str = "SELECT name AS text FROM thorn_event ORDER BY name";

async fn events_become(app: &TestApp, wanted: &[&str]) {
    app::eventually("the events that are kept", || async {
        let names = app.text(EVENTS).await;
        if names == wanted { Ok(()) } else { Err(format!("{names:?}")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn django_webhooks_d08_what_nobody_listens_to_is_not_kept() {
    let config = Config { keep_unmatched: Some(Duration::ZERO), audit_after: Duration::from_secs(1), ..app::config() };
    let app = TestApp::with(config).await;
    let receiver = app.receiver().await;
    app.subscribe("heard", &receiver.url("/")).await;
    for name in ["heard", "unheard", "heard.not"] {
        Event::new(name).broadcast().send(app.db(), &()).await.unwrap();
    }
    assert_eq!(app.text(EVENTS).await, ["heard", "heard.not", "unheard"]);
    let worker = app.worker().await;
    events_become(&app, &["heard"]).await;
    assert_eq!(receiver.received().len(), 1);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_deleted_with_its_deliveries_and_what_waits_stays() {
    let app = TestApp::new().await;
    let good = app.receiver().await;
    let bad = app.receiver().await;
    bad.reply(Reply::status(500));
    app.subscribe("over", &good.url("/")).await;
    let dead = app.subscribe("dead", &bad.url("/")).await;
    let waits = app.subscribe("waits", &bad.url("/")).await;
    // Deletes nothing yet.
    let worker = app.worker().await;
    for name in ["over", "dead"] {
        Event::new(name).broadcast().send(app.db(), &()).await.unwrap();
    }
    app.deliveries(&dead, app::is_dead).await;
    app.settled().await;
    assert_eq!(good.arrived(), 1);
    let later = RetryPolicy::fixed(Duration::from_secs(3600), 2);
    Event::new("waits").broadcast().retry(later).send(app.db(), &()).await.unwrap();
    app.deliveries(&waits, |rows| rows.first().is_some_and(|row| row.attempts == 1)).await;
    worker.stop().await.unwrap();
    for table in ["thorn_event", "thorn_delivery", "thorn_attempt"] {
        assert_eq!(app.count(table).await, 3, "{table}");
    }

    let forgetful = app.sibling(Config { keep: Some(Duration::ZERO), ..app::config() }).await;
    let worker = forgetful.start_worker().await.unwrap();
    events_become(&app, &["waits"]).await;
    assert_eq!([app.count("thorn_delivery").await, app.count("thorn_attempt").await], [1, 0]);
    worker.stop().await.unwrap();
}
