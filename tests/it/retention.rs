//! How long events and deliveries are kept.

use std::time::Duration;

use thorn::{Config, attempt::RetryPolicy, event::Event, subscription::NewSubscription};
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

const DELETED: &str = "thorn_subscription WHERE deleted_at IS NOT NULL";

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_deleted_subscriptions_leave_nothing_and_other_processes_forget_them() {
    const MANY: usize = 1000;
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let has_delivery = app.subscribe("heard", &receiver.url("/heard")).await;
    let stays = app.subscribe("heard", &receiver.url("/stays")).await;
    let mut made = Vec::with_capacity(MANY);
    for n in 0..MANY {
        let new = NewSubscription::new("gone", receiver.url(&format!("/{n}"))).filter(serde_json::json!({ "n": n }));
        made.push(app.thorn.subscriptions().create(new).await.unwrap());
    }
    // This process reads them now, and doesn't look again before they are purged.
    let away = app.sibling(app::config()).await;
    let sent = away.send_now(Event::new("heard").broadcast(), &()).await.unwrap();
    app.ask_for(&sent.deliveries);
    assert_eq!(sent.deliveries.len(), 2);
    for one in made.iter().chain([&has_delivery]) {
        app.unsubscribe(one).await;
    }
    app.execute(&format!("UPDATE {}", DELETED.replace("WHERE", "SET deleted_at = deleted_at - 7200000 WHERE"))).await;

    // Keeps the event and its deliveries, and so the subscription that has one.
    let keep = Some(Duration::from_secs(3600));
    let worker = app.sibling(Config { keep, ..app::config() }).await.start_worker().await.unwrap();
    app::eventually("the deleted subscriptions are purged", || async {
        let left = app.count(DELETED).await;
        if left == 1 { Ok(()) } else { Err(format!("{left} are left")) }
    })
    .await;
    worker.stop().await.unwrap();
    let urls = app.text("SELECT url AS text FROM thorn_subscription ORDER BY url").await;
    assert_eq!(urls, [has_delivery.spec.destination.url, stays.spec.destination.url]);
    for event in ["gone", "heard"] {
        let sent = away.send_now(Event::new(event).broadcast(), &serde_json::json!({ "n": 7 })).await.unwrap();
        app.ask_for(&sent.deliveries);
        assert_eq!(sent.deliveries.len(), usize::from(event == "heard"), "{event}");
    }

    let forgetful = app.sibling(Config { keep: Some(Duration::ZERO), ..app::config() }).await;
    let worker = forgetful.start_worker().await.unwrap();
    app::eventually("the last deleted subscription goes after its deliveries", || async {
        let left = app.count(DELETED).await;
        if left == 0 { Ok(()) } else { Err(format!("{left} are left")) }
    })
    .await;
    worker.stop().await.unwrap();
    assert_eq!(app.count("thorn_subscription").await, 1);
}
