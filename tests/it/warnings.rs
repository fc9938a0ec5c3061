//! Warnings: an owner learns that a subscription keeps failing before it is disabled, and when it has recovered.

use std::time::Duration;

use serde_json::Value;
use thorn::{
    Config, Event,
    attempt::RetryPolicy,
    event::{SUBSCRIPTION_EXPIRING, SUBSCRIPTION_FAILING, SUBSCRIPTION_RECOVERED},
    subscription::Subscription,
    timestamp::Timestamp,
};
use thorn_core::testing::Reply;

use crate::app::{self, PATIENCE, TestApp};

const MINUTE: Duration = Duration::from_secs(60);

/// The time after which a subscription is disabled.
const PATIENT: Duration = Duration::from_secs(100 * 60);

fn config() -> Config {
    let retry = RetryPolicy { max_attempts: 1, ..RetryPolicy::default() };
    Config { disable_after: Some(PATIENT), retry, ..app::config() }
}

async fn send(app: &TestApp) {
    Event::new("a.b").sender("alice").send(app.db(), &()).await.unwrap();
}

async fn is_failing(app: &TestApp, subscription: &Subscription, wanted: bool) -> Subscription {
    app::eventually("the state of the subscription", || async {
        let now = app.reload(subscription).await;
        if now.failing_since.is_some() == wanted { Ok(now) } else { Err(format!("{now:?}")) }
    })
    .await
}

/// As if the subscription had been failing for this time.
async fn failing_for(app: &TestApp, minutes: u32) -> Timestamp {
    let since = Timestamp::from_millis((Timestamp::now() - minutes * MINUTE).as_millis());
    app.execute(&format!(
        "UPDATE thorn_subscription SET failing_since = {}, version = (SELECT version + 1 FROM thorn_registry) \
         WHERE failing_since IS NOT NULL",
        since.as_millis()
    ))
    .await;
    // Only now: a registry that saw this version first would never look for the change.
    app.execute("UPDATE thorn_registry SET version = version + 1").await;
    since
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_is_warned_once_at_each_stage_and_told_of_the_recovery() {
    let app = TestApp::with(config()).await;
    let (receiver, told) = (app.receiver().await, app.receiver().await);
    let failing = app.subscribe_for(Some("alice"), "a.b", &receiver.url("/")).await;
    app.subscribe_for(Some("alice"), "subscription.*", &told.url("/alice")).await;
    app.subscribe_for(Some("bob"), "subscription.*", &told.url("/bob")).await;
    let workers = [app.worker().await, app.worker().await];
    receiver.reply(Reply::status(500));
    send(&app).await;
    is_failing(&app, &failing, true).await;

    let mut since = Vec::new();
    for (minutes, notices) in [(14, 0), (16, 1), (49, 1), (51, 2), (89, 2), (91, 3), (95, 3)] {
        since.push(failing_for(&app, minutes).await);
        for _ in 0..8 {
            send(&app).await;
        }
        app.settled().await;
        told.wait_for(notices, PATIENCE).await.unwrap();
        assert_eq!(told.received().len(), notices, "after {minutes} minutes");
    }
    let bodies: Vec<Value> = told.received().iter().map(|notice| notice.json()).collect();
    let names: Vec<&str> = bodies.iter().map(|body| body["event"].as_str().unwrap()).collect();
    assert_eq!(names, [SUBSCRIPTION_FAILING, SUBSCRIPTION_EXPIRING, SUBSCRIPTION_EXPIRING]);
    let data = &bodies[2]["data"];
    assert_eq!(data["subscription"], failing.id.to_string());
    assert_eq!((&data["event"], &data["url"]), (&"a.b".into(), &receiver.url("/").into()));
    let (nearly, now) = (since[5], since[6]);
    let times = [nearly, nearly + PATIENT].map(|time| Value::from(time.to_string()));
    assert_eq!([&data["failing_since"], &data["disables_at"]], [&times[0], &times[1]]);

    receiver.reply(Reply::status(204));
    for _ in 0..2 {
        send(&app).await;
        assert_eq!(is_failing(&app, &failing, false).await.warned, None);
        app.settled().await;
        let notices = told.wait_for(4, PATIENCE).await.unwrap();
        assert_eq!((notices.len(), &notices[3].json()["event"]), (4, &SUBSCRIPTION_RECOVERED.into()));
        assert_eq!(notices[3].json()["data"]["failing_since"], now.to_string());
    }
    assert!(told.received().iter().all(|notice| notice.path == "/alice"));

    // A new period of failures has its own warnings.
    receiver.reply(Reply::status(500));
    send(&app).await;
    is_failing(&app, &failing, true).await;
    failing_for(&app, 20).await;
    send(&app).await;
    let notices = told.wait_for(5, PATIENCE).await.unwrap();
    assert_eq!(notices[4].json()["event"], SUBSCRIPTION_FAILING);
    app.ignore_the_rest();
    for worker in workers {
        worker.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_was_too_short_for_a_warning_ends_in_silence() {
    let app = TestApp::with(config()).await;
    let (receiver, told) = (app.receiver().await, app.receiver().await);
    let failing = app.subscribe_for(Some("alice"), "a.b", &receiver.url("/")).await;
    app.subscribe_for(Some("alice"), "subscription.*", &told.url("/alice")).await;
    let worker = app.worker().await;
    receiver.reply(Reply::status(500));
    send(&app).await;
    is_failing(&app, &failing, true).await;
    receiver.reply(Reply::status(204));
    send(&app).await;
    is_failing(&app, &failing, false).await;
    app.settled().await;
    assert_eq!(told.arrived(), 0);
    app.ignore_the_rest();
    worker.stop().await.unwrap();
}
