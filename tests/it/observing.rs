//! Reports of deliveries: to observers in the process, and to subscribers of thorn's own events.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use thorn::{
    Config, Thorn,
    attempt::{DeliveryState, Outcome, RetryPolicy},
    delivery::{DeliveryObserver, DeliveryReport},
    event::{DELIVERY_FAILED, Event, SUBSCRIPTION_DISABLED},
    subscription::SubscriptionChange,
};
use thorn_core::testing::Reply;

use crate::app::{self, PATIENCE, TestApp};

/// Notes what it is told.
#[derive(Default)]
struct Notes(Mutex<Vec<(&'static str, DeliveryReport)>>);

impl Notes {
    fn note(&self, what: &'static str, report: &DeliveryReport) {
        self.0.lock().unwrap().push((what, report.clone()));
    }

    fn of(&self, event: &str) -> Vec<(&'static str, DeliveryReport)> {
        self.0.lock().unwrap().iter().filter(|(_, report)| report.event_name == event).cloned().collect()
    }

    async fn wait_for(&self, event: &str, count: usize) -> Vec<(&'static str, DeliveryReport)> {
        app::eventually("reports", || async {
            let notes = self.of(event);
            if notes.len() >= count { Ok(notes) } else { Err(format!("{notes:?}")) }
        })
        .await
    }
}

impl DeliveryObserver for Notes {
    fn delivered(&self, report: &DeliveryReport) {
        self.note("delivered", report);
    }

    fn failed(&self, report: &DeliveryReport) {
        self.note("failed", report);
    }

    fn timed_out(&self, report: &DeliveryReport) {
        self.note("timed out", report);
    }
}

/// Knows no time-outs, and panics.
#[derive(Default)]
struct Clumsy(Notes);

impl DeliveryObserver for Clumsy {
    fn failed(&self, report: &DeliveryReport) {
        self.0.note("failed", report);
        panic!("clumsy");
    }
}

fn no_retries() -> RetryPolicy {
    RetryPolicy { max_attempts: 1, ..RetryPolicy::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_153_observers_are_told_of_successes_failures_and_time_outs() {
    let app = TestApp::new().await;
    let (notes, clumsy) = (Arc::new(Notes::default()), Arc::new(Clumsy::default()));
    let observed = Thorn::builder(app.db().clone())
        .config(app::config())
        .observer(clumsy.clone())
        .observer(notes.clone())
        .build()
        .await
        .unwrap();
    let takes = app.receiver().await;
    let refuses = app.receiver().await;
    let hangs = app.receiver().await;
    refuses.reply(Reply::status(500));
    hangs.reply(Reply::status(200).delay(Duration::from_secs(3600)));
    let taken = app.subscribe("good", &takes.url("/")).await;
    app.subscribe("bad", &refuses.url("/")).await;
    app.subscribe("slow", &hangs.url("/")).await;
    let worker = observed.start_worker().await.unwrap();

    let good = Event::new("good").broadcast().send(app.db(), &()).await.unwrap();
    let two = RetryPolicy::fixed(Duration::from_millis(10), 2);
    Event::new("bad").broadcast().retry(two).send(app.db(), &()).await.unwrap();
    let slow = Event::new("slow").broadcast().retry(no_retries()).timeout(Duration::from_secs(2));
    slow.send(app.db(), &()).await.unwrap();

    let (what, report) = notes.wait_for("good", 1).await.remove(0);
    assert_eq!((what, report.event, report.subscription), ("delivered", good, taken.id));
    assert_eq!(
        (report.outcome, report.status, report.state),
        (Outcome::Delivered, Some(204), DeliveryState::Delivered)
    );
    let mut bad = notes.wait_for("bad", 2).await;
    bad.sort_by_key(|(_, report)| report.attempts);
    assert!(bad.iter().all(|(what, report)| *what == "failed" && report.status == Some(500)), "{bad:?}");
    assert_eq!((bad[0].1.state, bad[0].1.attempts), (DeliveryState::Waiting, 1));
    assert!(bad[0].1.next_attempt_at.is_some() && bad[1].1.next_attempt_at.is_none());
    assert_eq!((bad[1].1.state, bad[1].1.attempts), (DeliveryState::Dead, 2));
    let (what, report) = notes.wait_for("slow", 1).await.remove(0);
    assert_eq!((what, report.outcome), ("timed out", Outcome::TimedOut));
    // An observer without `timed_out` is told of a failure. A panic in an observer affects nothing else.
    assert_eq!(clumsy.0.wait_for("slow", 1).await[0].0, "failed");
    app.settled().await;
    worker.stop().await.unwrap();
    assert_eq!([takes.arrived(), refuses.arrived(), hangs.arrived()], [1, 2, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_138_a_delivery_that_failed_for_good_is_an_event_for_its_owner() {
    let app = TestApp::new().await;
    let bad = app.receiver().await;
    let told = app.receiver().await;
    bad.reply(Reply::status(500));
    let failing = app.subscribe_for(Some("alice"), "a.b", &bad.url("/")).await;
    app.subscribe_for(Some("alice"), "delivery.*", &told.url("/alice")).await;
    app.subscribe_for(Some("bob"), "delivery.*", &told.url("/bob")).await;
    app.subscribe_for(None, DELIVERY_FAILED, &told.url("/operator")).await;
    app.subscribe_for(Some("alice"), "*", &told.url("/everything")).await;
    app.subscribe_for(Some("alice"), "**.failed", &told.url("/failures")).await;
    let worker = app.worker().await;
    let event = Event::new("a.b").sender("alice").retry(no_retries()).send(app.db(), &()).await.unwrap();
    app.deliveries(&failing, app::is_dead).await;
    app.settled().await;

    let mut told = told.received();
    told.sort_by(|a, b| a.path.cmp(&b.path));
    // A control: `*` does hear of the application's event.
    let paths: Vec<&str> = told.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/alice", "/everything", "/operator"]);
    assert_eq!(told[1].json()["event"], "a.b");
    let body = told[0].json();
    assert_eq!((&body["event"], &body["sender"]), (&DELIVERY_FAILED.into(), &"alice".into()));
    assert_eq!(body["data"]["subscription"], failing.id.to_string());
    assert_eq!(body["data"]["event"]["id"], event.to_string());
    assert_eq!(body["data"]["event"]["name"], "a.b");
    assert_eq!((&body["data"]["status"], &body["data"]["attempts"]), (&500.into(), &1.into()));
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn that_such_an_event_fails_is_no_further_one() {
    let app = TestApp::new().await;
    let bad = app.receiver().await;
    bad.reply(Reply::status(500));
    let failing = app.subscribe("a.b", &bad.url("/")).await;
    let told = app.subscribe(DELIVERY_FAILED, &bad.url("/")).await;
    let worker = app.worker().await;
    Event::new("a.b").broadcast().retry(no_retries()).send(app.db(), &()).await.unwrap();
    app.deliveries(&failing, app::is_dead).await;
    app.deliveries(&told, app::is_dead).await;
    app.settled().await;
    let names = app.text("SELECT name AS text FROM thorn_event ORDER BY created_at, name").await;
    assert_eq!(names, ["a.b", DELIVERY_FAILED]);
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_142_a_subscription_nothing_gets_through_to_is_disabled_with_a_notice() {
    let config = Config { disable_after: Some(Duration::from_millis(300)), retry: no_retries(), ..app::config() };
    let app = TestApp::with(config).await;
    let receiver = app.receiver().await;
    let told = app.receiver().await;
    let failing = app.subscribe_for(Some("alice"), "a.b", &receiver.url("/")).await;
    app.subscribe_for(Some("alice"), SUBSCRIPTION_DISABLED, &told.url("/")).await;
    app.subscribe_for(Some("bob"), SUBSCRIPTION_DISABLED, &told.url("/bob")).await;
    let worker = app.worker().await;
    let send = || async { Event::new("a.b").sender("alice").send(app.db(), &()).await.unwrap() };
    let is_failing = |wanted: bool| {
        let (app, failing) = (&app, &failing);
        app::eventually("the state of the subscription", move || async move {
            let now = app.reload(failing).await;
            if now.failing_since.is_some() == wanted { Ok(now) } else { Err(format!("{now:?}")) }
        })
    };

    // One that succeeds in between begins the time anew.
    receiver.reply(Reply::status(500));
    send().await;
    let first = is_failing(true).await.failing_since;
    receiver.reply(Reply::status(200));
    send().await;
    is_failing(false).await;
    receiver.reply(Reply::status(500));
    send().await;
    let since = is_failing(true).await.failing_since;
    assert!(since > first);
    assert!(app.reload(&failing).await.disabled.is_none(), "it has only begun to fail");

    app::eventually("disabling", || async {
        send().await;
        let now = app.reload(&failing).await;
        now.disabled.map(|_| ()).ok_or_else(|| format!("{:?}", now.failing_since))
    })
    .await;
    let disabled = app.reload(&failing).await.disabled.unwrap();
    assert!(disabled.at.since(since.unwrap()) >= Duration::from_millis(300), "{disabled:?}");
    assert!(disabled.reason.contains(&since.unwrap().to_string()), "{disabled:?}");
    let notices = told.wait_for(1, PATIENCE).await.unwrap();
    let body = notices[0].json();
    assert_eq!((&body["event"], &body["sender"]), (&SUBSCRIPTION_DISABLED.into(), &"alice".into()));
    assert_eq!(body["data"]["subscription"], failing.id.to_string());
    assert_eq!(body["data"]["reason"], disabled.reason);
    app.settled().await;
    assert_eq!(told.received().len(), 1, "one notice, and none for bob");

    // Enabled again, it has its full time.
    let enabled = app.change(&failing, SubscriptionChange::default().enabled(true)).await;
    assert_eq!((enabled.disabled, enabled.failing_since), (None, None));
    send().await;
    let again = is_failing(true).await.failing_since.unwrap();
    assert!(again >= enabled.updated_at, "{again} is before {}", enabled.updated_at);
    worker.stop().await.unwrap();
    // As many as it took until it was disabled, of which the last may have been cancelled.
    app.deliveries(&failing, |rows| rows.len() >= 4).await;
}
