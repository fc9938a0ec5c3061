//! An application under test: its own SQLite file, thorn on it, and a worker if asked for.

use std::time::Duration;

use sea_orm::DatabaseConnection;
use thorn::{
    Config, Thorn,
    delivery::RetryPolicy,
    history::DeliveryRow,
    subscription::{NewSubscription, Subscription},
    worker::Worker,
};

/// Longer than anything should take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct App {
    pub thorn: Thorn,
    pub url: String,
    _dir: tempfile::TempDir,
}

/// Settings for tests: loopback is allowed, retries come soon.
pub fn config() -> Config {
    Config {
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        poll_interval: Duration::from_millis(20),
        takeover: Duration::from_secs(2),
        audit_after: Duration::from_secs(2),
        timeout: Duration::from_secs(5),
        retry: RetryPolicy { jitter: 0.0, ..RetryPolicy::fixed(Duration::from_millis(50), 4) },
        ..Config::default()
    }
}

impl App {
    pub async fn new() -> Self {
        Self::with(config()).await
    }

    pub async fn with(config: Config) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/app.db", dir.path().display());
        let db = thorn::connect(&url).await.unwrap();
        thorn::migration::migrate(&db).await.unwrap();
        let thorn = Thorn::builder(db).config(config).build().await.unwrap();
        Self { thorn, url, _dir: dir }
    }

    pub fn db(&self) -> &DatabaseConnection {
        self.thorn.db()
    }

    pub async fn worker(&self) -> Worker {
        self.thorn.start_worker().await.unwrap()
    }

    /// A global subscription with a known secret.
    pub async fn subscribe(&self, event: &str, url: &str) -> Subscription {
        self.subscribe_for(None, event, url).await
    }

    pub async fn subscribe_for(&self, owner: Option<&str>, event: &str, url: &str) -> Subscription {
        let new = NewSubscription {
            owner: owner.map(str::to_owned),
            event: event.into(),
            url: url.into(),
            secret: Some("s3cr3t-s3cr3t-s3cr3t".into()),
            digest: None,
            content_type: None,
        };
        self.thorn.subscriptions().create(new).await.unwrap()
    }

    /// Waits until the subscription's deliveries are as wished.
    pub async fn deliveries(&self, to: &Subscription, wished: impl Fn(&[DeliveryRow]) -> bool) -> Vec<DeliveryRow> {
        let read = || thorn::history::deliveries_of_subscription(self.db(), to.id, 100_000);
        eventually("deliveries", || async {
            let rows = read().await.unwrap();
            if wished(&rows) { Ok(rows) } else { Err(format!("{rows:#?}")) }
        })
        .await
    }

    /// Waits until nothing is waiting, under way or unsettled.
    pub async fn settled(&self) {
        eventually("everything settled", || async {
            let status = self.thorn.status().await.unwrap();
            if status == Default::default() { Ok(()) } else { Err(format!("{status:?}")) }
        })
        .await;
    }
}

/// Asks again until the answer is `Ok`; fails with the last answer after [`PATIENCE`].
pub async fn eventually<T, F: Future<Output = Result<T, String>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let started = std::time::Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(last) if started.elapsed() > PATIENCE => panic!("{what} didn't come true; last seen: {last}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}
