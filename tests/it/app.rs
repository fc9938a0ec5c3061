//! The application under test: its own database, or a given one, thorn on it, and workers and receivers as asked for.
//!
//! [`TestApp`] owns them. When it is dropped, each delivery must have been asked for by the test: waited for,
//! read or counted. A test that doesn't care says so with [`TestApp::ignore_the_rest`].

mod database;
mod ledger;
mod receiver;
mod states;
mod strays;
mod tasks;

use std::{sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, Database, DatabaseConnection, TransactionTrait};
use thorn::{
    Config, Event, EventId, Thorn,
    attempt::{HoldPolicy, RetryPolicy},
    history::Delivery,
    subscription::{Access, NewSubscription, Subscription, SubscriptionChange},
    worker::Worker,
};
use thorn_core::testing;
pub(crate) use thorn_test_support::{PATIENCE, eventually};
use thorn_test_support::{Place, is_mysql};
use tracing_subscriber::EnvFilter;

pub(crate) use self::{
    database::{Written, literal},
    receiver::Receiver,
    states::{all_delivered, is, is_dead, is_delivered},
    tasks::sees_tasks,
};
use ledger::Ledger;

pub(crate) struct TestApp {
    pub(crate) thorn: Thorn,
    pub(crate) url: String,
    ledger: Arc<Ledger>,
    _place: Place,
}

/// Settings for tests: loopback is allowed, retries come soon. On MySQL there is no queue in the database.
pub(crate) fn config() -> Config {
    Config {
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        queue_url: is_mysql().then(|| "memory:".parse().unwrap()),
        poll_interval: Duration::from_millis(20),
        takeover: Duration::from_secs(2),
        audit_after: Duration::from_millis(500),
        timeout: Duration::from_secs(5),
        inline_timeout: PATIENCE,
        hold: HoldPolicy::never(),
        retry: RetryPolicy { jitter: 0.0, ..RetryPolicy::fixed(Duration::from_millis(50), 4) },
        ..Config::default()
    }
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::on(Place::new().await, config).await
    }

    /// With a subscription to these events, the receiver it goes to, and a worker.
    pub(crate) async fn delivering(pattern: &str) -> (Self, Receiver, Subscription, Worker) {
        let app = Self::new().await;
        let receiver = app.receiver().await;
        let subscription = app.subscribe(pattern, &receiver.url("/")).await;
        let worker = app.worker().await;
        (app, receiver, subscription, worker)
    }

    /// On this database instead of one of its own.
    pub(crate) async fn on(place: Place, config: Config) -> Self {
        // `RUST_LOG=thorn=debug cargo test … -- --nocapture` shows what happens.
        let logs = tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env());
        // Standard output is the test harness's: a line of a log may split one of its lines.
        let _ = logs.with_writer(std::io::stderr).try_init();
        let db = thorn::connect(&place.url).await.unwrap();
        thorn::migration::migrate(&db).await.unwrap();
        let thorn = Thorn::builder(db).config(config).build().await.unwrap();
        Self { thorn, url: place.url.clone(), ledger: Arc::default(), _place: place }
    }

    pub(crate) fn db(&self) -> &DatabaseConnection {
        self.thorn.db()
    }

    pub(crate) async fn worker(&self) -> Worker {
        self.thorn.start_worker().await.unwrap()
    }

    /// A receiver on loopback that answers 204.
    pub(crate) async fn receiver(&self) -> Receiver {
        self.own(testing::Receiver::start().await.unwrap())
    }

    /// Takes over a receiver that had to be there first.
    pub(crate) fn own(&self, receiver: testing::Receiver) -> Receiver {
        Receiver::new(receiver, self.ledger.clone())
    }

    /// Deliveries may be left that this test hasn't asked for.
    pub(crate) fn ignore_the_rest(&self) {
        self.ledger.ignore_the_rest();
    }

    /// The test has these deliveries from elsewhere.
    pub(crate) fn ask_for(&self, deliveries: &[Delivery]) {
        self.ledger.see_rows(deliveries.iter().map(|row| row.id.to_string()));
    }

    /// A global subscription with a known secret.
    pub(crate) async fn subscribe(&self, event: &str, url: &str) -> Subscription {
        self.subscribe_for(None, event, url).await
    }

    pub(crate) async fn subscribe_for(&self, owner: Option<&str>, event: &str, url: &str) -> Subscription {
        let new = NewSubscription::new(event, url).secret("s3cr3t-s3cr3t-s3cr3t-s3cr3t");
        let new = NewSubscription { owner: owner.map(str::to_owned), ..new };
        self.thorn.subscriptions().create(new).await.unwrap()
    }

    /// Thorn with other settings on the same database.
    pub(crate) async fn sibling(&self, config: Config) -> Thorn {
        Thorn::builder(thorn::connect(&self.url).await.unwrap()).config(config).build().await.unwrap()
    }

    pub(crate) async fn reload(&self, subscription: &Subscription) -> Subscription {
        self.thorn.subscriptions().get(Access::Operator, subscription.id).await.unwrap()
    }

    pub(crate) async fn change(&self, subscription: &Subscription, change: SubscriptionChange) -> Subscription {
        self.thorn.subscriptions().update(Access::Operator, subscription.id, change).await.unwrap()
    }

    pub(crate) async fn unsubscribe(&self, subscription: &Subscription) {
        self.thorn.subscriptions().delete(Access::Operator, subscription.id).await.unwrap();
    }

    /// Sends so many events `a.b` to everybody, in transactions of 25.
    pub(crate) async fn send_many(&self, events: usize) -> Vec<EventId> {
        let mut ids = Vec::with_capacity(events);
        while ids.len() < events {
            let txn = self.db().begin().await.unwrap();
            for _ in 0..(events - ids.len()).min(25) {
                ids.push(Event::new("a.b").broadcast().send(&txn, &ids.len()).await.unwrap());
            }
            txn.commit().await.unwrap();
        }
        ids
    }

    /// Waits until the subscription's deliveries are as wished.
    pub(crate) async fn deliveries(&self, to: &Subscription, wished: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        let read = || self.thorn.history().of_subscription(to.id, 100_000);
        self.as_wished("deliveries of a subscription", read, wished).await
    }

    /// Waits until the event's deliveries are as wished.
    pub(crate) async fn deliveries_of(&self, event: EventId, wished: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        let read = || self.thorn.history().of_event(event);
        self.as_wished("deliveries of an event", read, wished).await
    }

    async fn as_wished<F: Future<Output = Result<Vec<Delivery>, thorn::Error>>>(
        &self,
        what: &str,
        read: impl Fn() -> F,
        wished: impl Fn(&[Delivery]) -> bool,
    ) -> Vec<Delivery> {
        let rows = eventually(what, || async {
            let rows = read().await.unwrap();
            if wished(&rows) { Ok(rows) } else { Err(format!("{rows:#?}")) }
        })
        .await;
        self.ask_for(&rows);
        rows
    }

    /// Waits until nothing is waiting, under way or unsettled.
    pub(crate) async fn settled(&self) {
        eventually("everything settled", || async {
            let status = self.thorn.status().await.unwrap();
            if status == Default::default() { Ok(()) } else { Err(format!("{status:?}")) }
        })
        .await;
    }

    /// Waits until every event is relayed, and the reconciler has found its deliveries recorded.
    pub(crate) async fn compared(&self) {
        eventually("all compared", || async {
            let status = self.thorn.status().await.unwrap();
            if status.unrelayed + status.unsettled == 0 { Ok(()) } else { Err(format!("{status:?}")) }
        })
        .await;
    }

    /// Waits until every event is relayed.
    pub(crate) async fn relayed(&self) {
        eventually("all relayed", || async {
            let status = self.thorn.status().await.unwrap();
            if status.unrelayed == 0 { Ok(()) } else { Err(format!("{status:?}")) }
        })
        .await;
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        if !std::thread::panicking()
            && let Err(stray) = self.ledger.settle(&self.url)
        {
            panic!("{stray}");
        }
    }
}

/// Makes a database of the test's own on a Postgres server.
pub(crate) async fn new_database(server: &str) -> String {
    let name = format!("thorn_{}", EventId::generate().as_uuid().simple());
    let db = Database::connect(server).await.unwrap();
    db.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (server, _) = server.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}
