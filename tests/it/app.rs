//! An application under test: its own database, or a given one, thorn on it, and a worker if asked for.

mod tasks;

use std::time::Duration;

use sea_orm::{
    ConnectionTrait, Database, DatabaseConnection, DbBackend, EntityTrait, Schema, Statement, prelude::Uuid,
};
use thorn::{
    Config, DeliveryId, EventId, Thorn,
    attempt::RetryPolicy,
    history::Delivery,
    subscription::{Access, NewSubscription, Subscription, SubscriptionChange},
    worker::Worker,
};
use thorn_test_support::{Place, is_mysql};
use tracing_subscriber::EnvFilter;

pub(crate) use thorn_test_support::{PATIENCE, eventually};

pub(crate) struct App {
    pub(crate) thorn: Thorn,
    pub(crate) url: String,
    _place: Place,
}

/// Settings for tests: loopback is allowed, retries come soon. On MySQL there is no queue in the database.
pub(crate) fn config() -> Config {
    Config {
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        queue_url: is_mysql().then(|| "memory:".parse().unwrap()),
        poll_interval: Duration::from_millis(20),
        takeover: Duration::from_secs(2),
        audit_after: Duration::from_secs(2),
        timeout: Duration::from_secs(5),
        retry: RetryPolicy { jitter: 0.0, ..RetryPolicy::fixed(Duration::from_millis(50), 4) },
        ..Config::default()
    }
}

impl App {
    pub(crate) async fn new() -> Self {
        Self::with(config()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        Self::on(None, config).await
    }

    /// On this database instead of one of its own.
    pub(crate) async fn on(url: Option<String>, config: Config) -> Self {
        // `RUST_LOG=thorn=debug cargo test … -- --nocapture` shows what happens.
        let _ = tracing_subscriber::fmt().with_env_filter(EnvFilter::from_default_env()).try_init();
        let place = match url {
            Some(url) => Place::given(url),
            None => Place::new().await,
        };
        let db = thorn::connect(&place.url).await.unwrap();
        thorn::migration::migrate(&db).await.unwrap();
        let thorn = Thorn::builder(db).config(config).build().await.unwrap();
        Self { thorn, url: place.url.clone(), _place: place }
    }

    pub(crate) fn db(&self) -> &DatabaseConnection {
        self.thorn.db()
    }

    pub(crate) async fn worker(&self) -> Worker {
        self.thorn.start_worker().await.unwrap()
    }

    /// A global subscription with a known secret.
    pub(crate) async fn subscribe(&self, event: &str, url: &str) -> Subscription {
        self.subscribe_for(None, event, url).await
    }

    pub(crate) async fn subscribe_for(&self, owner: Option<&str>, event: &str, url: &str) -> Subscription {
        let new = NewSubscription {
            owner: owner.map(str::to_owned),
            pattern: event.into(),
            url: url.into(),
            secret: Some("s3cr3t-s3cr3t-s3cr3t".into()),
            ..NewSubscription::default()
        };
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

    pub(crate) async fn execute(&self, sql: &str) {
        self.db().execute_unprepared(sql).await.unwrap();
    }

    /// The column `text` of a query.
    pub(crate) async fn text(&self, sql: &str) -> Vec<String> {
        let backend = self.db().get_database_backend();
        let rows = self.db().query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
        rows.iter().map(|row| row.try_get("", "text").unwrap()).collect()
    }

    pub(crate) async fn count(&self, table: &str) -> i64 {
        let sql = format!("SELECT COUNT(*) AS n FROM {table}");
        let row = self.db().query_one_raw(Statement::from_string(self.db().get_database_backend(), sql)).await;
        row.unwrap().unwrap().try_get("", "n").unwrap()
    }

    /// Adds the table of an entity.
    pub(crate) async fn create_table<E: EntityTrait>(&self, entity: E) {
        let table = Schema::new(self.db().get_database_backend()).create_table_from_entity(entity);
        self.db().execute(&table).await.unwrap();
    }

    /// Numbers of the attempts that were followed by another.
    pub(crate) async fn past_attempts(&self, delivery: DeliveryId) -> Vec<i32> {
        let backend = self.db().get_database_backend();
        let id = literal(backend, delivery.as_uuid());
        let sql = format!("SELECT number FROM thorn_attempt WHERE delivery_id = {id} ORDER BY number");
        let rows = self.db().query_all_raw(Statement::from_string(backend, sql)).await.unwrap();
        rows.iter().map(|row| row.try_get("", "number").unwrap()).collect()
    }

    /// Waits until the subscription's deliveries are as wished.
    pub(crate) async fn deliveries(&self, to: &Subscription, wished: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        let read = || self.thorn.history().of_subscription(to.id, 100_000);
        eventually("deliveries", || async {
            let rows = read().await.unwrap();
            if wished(&rows) { Ok(rows) } else { Err(format!("{rows:#?}")) }
        })
        .await
    }

    /// Waits until nothing is waiting, under way or unsettled.
    pub(crate) async fn settled(&self) {
        eventually("everything settled", || async {
            let status = self.thorn.status().await.unwrap();
            if status == Default::default() { Ok(()) } else { Err(format!("{status:?}")) }
        })
        .await;
    }
}

/// A UUID in SQL.
pub(crate) fn literal(backend: DbBackend, id: Uuid) -> String {
    if backend == DbBackend::Postgres { format!("'{id}'") } else { format!("x'{}'", id.simple()) }
}

/// Makes a database of the test's own on a Postgres server.
pub(crate) async fn new_database(server: &str) -> String {
    let name = format!("thorn_{}", EventId::generate().as_uuid().simple());
    let db = Database::connect(server).await.unwrap();
    db.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (server, _) = server.rsplit_once('/').unwrap();
    format!("{server}/{name}")
}
