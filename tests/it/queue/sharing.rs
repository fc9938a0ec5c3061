//! Applications that share a database or a Redis don't get each other's tasks.

use std::time::Duration;

use sea_orm::ConnectionTrait as _;
use thorn::{Config, subscription::Subscription, worker::Worker};
use thorn_test_support::{Place, skipped};

use crate::app::{PATIENCE, Receiver, TestApp, all_delivered, config};

/// So long that the reconciler brings nothing within a test.
fn without_audits() -> Config {
    Config { audit_after: Duration::from_secs(600), ..config() }
}

/// An application with a worker, a receiver, and its subscription.
struct Application {
    app: TestApp,
    receiver: Receiver,
    subscription: Subscription,
    worker: Worker,
}

impl Application {
    /// In a schema of its own.
    async fn in_schema(database: &Place, schema: &str) -> Self {
        let db = thorn::connect(&database.url).await.unwrap();
        db.execute_unprepared(&format!("CREATE SCHEMA {schema}")).await.unwrap();
        db.close().await.unwrap();
        Self::at(format!("{}?options[search_path]={schema}", database.url), without_audits()).await
    }

    async fn at(url: String, config: Config) -> Self {
        let app = TestApp::on(Place::given(url), config).await;
        let receiver = app.receiver().await;
        let subscription = app.subscribe("a.b", &receiver.url("/")).await;
        let worker = app.worker().await;
        Self { app, receiver, subscription, worker }
    }

    /// Sends so many more events, and waits until each has arrived.
    async fn delivers(&self, more: usize) {
        let before = self.receiver.received().len();
        self.app.send_many(more).await;
        self.receiver.wait_for(before + more, PATIENCE).await.unwrap();
        self.app.deliveries(&self.subscription, all_delivered(before + more)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn applications_in_two_schemas_take_only_their_own_tasks_and_one_may_be_dropped() {
    let Some(database) = Place::postgres().await else { return };
    let (a, b) = (Application::in_schema(&database, "a").await, Application::in_schema(&database, "b").await);
    futures::join!(a.delivers(100), b.delivers(100));
    for app in [&a.app, &b.app] {
        assert_eq!(app.count("thorn_delivery WHERE state <> 'delivered'").await, 0);
    }
    a.worker.stop().await.unwrap();
    let db = thorn::connect(&database.url).await.unwrap();
    db.execute_unprepared("DROP SCHEMA a CASCADE").await.unwrap();
    b.delivers(20).await;
    b.worker.stop().await.unwrap();
    let again = b.app.worker().await;
    again.stop().await.unwrap();
    a.app.ignore_the_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_lost_a_column_with_its_extension_is_mended() {
    let Some(database) = Place::postgres().await else { return };
    let b = Application::in_schema(&database, "b").await;
    b.delivers(1).await;
    // The way of an earlier release: the extension is in the schema of another application.
    let db = thorn::connect(&database.url).await.unwrap();
    db.execute_unprepared("CREATE SCHEMA a; ALTER EXTENSION hstore SET SCHEMA a").await.unwrap();
    b.delivers(1).await;
    db.execute_unprepared("DROP SCHEMA a CASCADE").await.unwrap();
    // While a worker runs.
    b.delivers(1).await;
    // While none does.
    b.worker.stop().await.unwrap();
    db.execute_unprepared("DROP EXTENSION hstore CASCADE").await.unwrap();
    let b = Application { worker: b.app.worker().await, ..b };
    b.delivers(1).await;
    b.worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_another_database_is_left_to_its_own_workers() {
    let Ok(redis) = std::env::var("THORN_TEST_REDIS_URL") else {
        return skipped("two databases share a Redis with THORN_TEST_REDIS_URL set, on SQLite");
    };
    let name = format!("shared-{}", std::process::id());
    let config = || Config { queue_url: Some(redis.parse().unwrap()), queue_name: name.clone(), ..config() };
    let folder = tempfile::tempdir().unwrap();
    let url = |file: &str| format!("sqlite://{}/{file}.db", folder.path().display());
    let (a, b) = (Application::at(url("a"), config()).await, Application::at(url("b"), config()).await);
    // Each of them takes some of the other's tasks, which come again after an audit.
    futures::join!(a.delivers(40), b.delivers(40));
    for one in [a, b] {
        assert_eq!(one.app.count("thorn_delivery").await, 40);
        assert_eq!(one.worker.counters().delivered, 40);
        one.worker.stop().await.unwrap();
    }
}
