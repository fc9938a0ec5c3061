//! Deliveries of one chunk are each on their own.

use std::time::Duration;

use sea_orm::DbBackend;
use thorn::{
    Config,
    attempt::{DeliveryState, Outcome, RetryPolicy},
    event::Event,
    subscription::{ContentType, NewSubscription, Subscription},
};
use thorn_core::testing::Reply;
use thorn_test_support::is_mysql;

use crate::app::{self, TestApp, literal};

/// Leads a subscription somewhere that could never be subscribed, before a worker reads it.
async fn redirect(app: &TestApp, subscription: &Subscription, url: &str) {
    let id = literal(app.db().get_database_backend(), subscription.id.as_uuid());
    app.execute(&format!("UPDATE thorn_subscription SET url = '{url}' WHERE id = {id}")).await;
}

/// Lets the database refuse new deliveries to a subscription, by a trigger.
async fn refuse(app: &TestApp, name: &str, to: &Subscription, when: &str) {
    let backend = app.db().get_database_backend();
    let when = format!("NEW.subscription_id = {} AND {when}", literal(backend, to.id.as_uuid()));
    let trigger = format!("CREATE TRIGGER {name} BEFORE INSERT ON thorn_delivery");
    let sql = match backend {
        DbBackend::Postgres => format!(
            "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF {when} THEN RAISE EXCEPTION 'not this one'; END IF; RETURN NEW; END $$; \
             {trigger} FOR EACH ROW EXECUTE FUNCTION {name}()"
        ),
        DbBackend::MySql => format!(
            "{trigger} FOR EACH ROW IF {when} THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'not this one'; END IF"
        ),
        _ => format!("{trigger} WHEN {when} BEGIN SELECT RAISE(ABORT, 'not this one'); END"),
    };
    app.execute(&sql).await;
}

async fn refuse_no_more(app: &TestApp, name: &str) {
    let on = if app.db().get_database_backend() == DbBackend::Postgres { " ON thorn_delivery" } else { "" };
    app.execute(&format!("DROP TRIGGER {name}{on}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_125_139_140_who_cannot_be_reached_costs_the_others_of_its_chunk_nothing() {
    if !app::sees_tasks() {
        return;
    }
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    // Nobody listens there any more.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut bad = Vec::new();
    for (url, outcome) in [
        (format!("http://{closed}/"), Outcome::Unreachable),
        ("http://no-such-host.invalid/".to_owned(), Outcome::Unreachable),
        ("http://169.254.169.254/".to_owned(), Outcome::Blocked),
    ] {
        let subscription = app.subscribe("a.b", &receiver.url(&format!("/bad{}", bad.len()))).await;
        redirect(&app, &subscription, &url).await;
        bad.push((subscription, outcome));
    }
    let mut good = Vec::new();
    for n in 0..20 {
        good.push(app.subscribe("a.b", &receiver.url(&format!("/{n}"))).await);
    }
    let worker = app.worker().await;
    app.watch_tasks().await;
    let three = RetryPolicy::fixed(Duration::from_millis(20), 3);
    Event::new("a.b").broadcast().retry(three).send(app.db(), &()).await.unwrap();
    for (subscription, outcome) in &bad {
        let rows = app.deliveries(subscription, app::is_dead).await;
        assert_eq!((rows[0].outcome, rows[0].attempts), (Some(*outcome), 3), "{rows:?}");
    }
    app.settled().await;
    let first = &app.seen_chunks().await[0]["deliveries"];
    assert_eq!(first.as_array().unwrap().len(), 23, "all began in one chunk");
    assert_eq!(receiver.received().len(), 20, "each good one once");
    for subscription in &good {
        let rows = app.deliveries(subscription, |rows| rows.len() == 1).await;
        assert_eq!((rows[0].state, rows[0].attempts), (Some(DeliveryState::Delivered), 1));
    }
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_123_134_chunks_have_their_size_and_name_each_event_once() {
    if !app::sees_tasks() {
        return;
    }
    let config = Config { chunk: 4, ..app::config() };
    let app = TestApp::with(config).await;
    let receiver = app.receiver().await;
    for n in 0..10 {
        let content_type = if n % 2 == 1 { ContentType::Form } else { ContentType::Json };
        let new = NewSubscription::new("a.b", receiver.url(&format!("/{n}"))).content_type(content_type);
        app.thorn.subscriptions().create(new).await.unwrap();
    }
    let worker = app.worker().await;
    app.watch_tasks().await;
    Event::new("a.b").broadcast().send(app.db(), "once-only").await.unwrap();
    receiver.wait_for(10, app::PATIENCE).await.unwrap();
    app.settled().await;
    let tasks = app.seen_chunks().await;
    let mut sizes: Vec<usize> = tasks.iter().map(|task| task["deliveries"].as_array().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [2, 4, 4]);
    for task in &tasks {
        assert_eq!(task["names"], serde_json::json!([["a.b", 1]]), "{task}");
        assert_eq!(task["events"].as_str().unwrap().len(), 22, "one id: {task}");
        assert!(!task.to_string().contains("once-only"), "{task}");
    }
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_the_database_refuses_holds_up_no_other() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let refused = app.subscribe("a.b", &receiver.url("/refused")).await;
    let texts = app.subscribe("a.b", &receiver.url("/texts")).await;
    let mut good = Vec::new();
    for n in 0..10 {
        good.push(app.subscribe("a.b", &receiver.url(&format!("/{n}"))).await);
    }
    refuse(&app, "never", &refused, "1 = 1").await;
    refuse(&app, "no_text", &texts, "NEW.response IS NOT NULL").await;
    receiver.reply(Reply { body: "thanks".into(), ..Reply::status(200) });
    let worker = app.worker().await;
    Event::new("a.b").broadcast().send(app.db(), &()).await.unwrap();
    for subscription in &good {
        let rows = app.deliveries(subscription, |rows| rows.len() == 1).await;
        assert_eq!(rows[0].response.as_deref(), Some("thanks"), "a control: texts are kept");
    }
    let rows = app.deliveries(&texts, |rows| rows.len() == 1).await;
    assert_eq!((rows[0].state, rows[0].response.as_deref()), (Some(DeliveryState::Delivered), None));
    assert!(app.deliveries(&refused, |_| true).await.is_empty());

    // Nothing is lost: the reconciler delivers it again once it can be recorded.
    refuse_no_more(&app, "never").await;
    app.deliveries(&refused, |rows| rows.len() == 1).await;
    app.settled().await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_encoded_holds_up_no_other() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let form = NewSubscription::new("a.b", receiver.url("/form")).content_type(ContentType::Form);
    let form = app.thorn.subscriptions().create(form).await.unwrap();
    let json = app.subscribe("a.b", &receiver.url("/json")).await;
    Event::new("a.b").broadcast().send(app.db(), "half of a pair").await.unwrap();
    // Text of JSON that no string can hold, as raw JSON may bring it.
    let half = if is_mysql() { r"\\ud800" } else { r"\ud800" };
    app.execute(&format!("UPDATE thorn_event SET body = replace(body, 'half of a pair', '{half}')")).await;
    Event::new("a.b").broadcast().send(app.db(), "fine").await.unwrap();
    let worker = app.worker().await;
    app.deliveries(&form, |rows| rows.len() == 1).await;
    app.deliveries(&json, |rows| rows.len() == 2).await;
    app.settled().await;
    worker.stop().await.unwrap();
}
