//! A running hub.

use std::time::Duration;

use thorn::{
    Thorn,
    subscription::{Access, Page, Subscription},
};

use super::subscriber::Subscriber;
use crate::{
    app::eventually,
    blog::http::{self, Answer},
    engine::server::{Caller, Server},
};

/// A topic that the hub distributes. It is never fetched, because nobody says that it has changed.
pub(super) const TOPIC: &str = "https://blog.example/feed";

/// Bounds that no test meets by accident. All of them come from one address.
const NO_BOUNDS: &str = "host=none,pending=none,source=none,failures=none";

/// A server with a hub, and with one topic.
pub(super) struct RunningHub {
    pub(super) server: Server,
    pub(super) operator: Caller,
    /// The contents of its database.
    pub(super) thorn: Thorn,
}

impl RunningHub {
    pub(super) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these settings besides.
    pub(super) async fn with(settings: &[(&str, &str)]) -> Self {
        let settings: Vec<_> = [("THORN_HUB_RATES", NO_BOUNDS)].iter().chain(settings).copied().collect();
        let (server, operator) = Server::with(&settings).await;
        let db = thorn::connect(&server.place.url).await.unwrap();
        let thorn = Thorn::builder(db).build().await.unwrap();
        let hub = Self { server, operator, thorn };
        hub.register(TOPIC).await;
        hub
    }

    pub(super) async fn register(&self, topic: &str) {
        let url = topic.parse().unwrap();
        let registered = self.thorn.topics().register(&url, Access::Operator, "http://hub.example/hub").await;
        assert!(registered.unwrap().is_some());
    }

    /// Posts a form to the hub, without a key.
    pub(super) async fn post(&self, form: &[(&str, &str)]) -> Answer {
        let body = self::form(form);
        let headers = "content-type: application/x-www-form-urlencoded\r\n";
        http::request(self.server.port, "POST", "/hub", headers, body.as_bytes()).await
    }

    /// Asks for something at [`TOPIC`], with more parameters.
    pub(super) async fn ask(&self, mode: &str, callback: &str, more: &[(&str, &str)]) -> Answer {
        let form = [("hub.mode", mode), ("hub.callback", callback), ("hub.topic", TOPIC)];
        self.post(&form.into_iter().chain(more.iter().copied()).collect::<Vec<_>>()).await
    }

    /// Hands the hub a version of [`TOPIC`].
    pub(super) async fn hand_in(&self, version: &str) {
        let path = format!("/dispatch?{}", form(&[("_topic", TOPIC)]));
        let headers = format!("content-type: text/plain\r\n{}", self.operator.authorization());
        http::request(self.server.port, "POST", &path, &headers, version.as_bytes()).await.expect(202);
    }

    /// Subscribes a callback to [`TOPIC`] and waits until it is subscribed.
    pub(super) async fn subscribe(&self, callback: &str, more: &[(&str, &str)]) -> Subscription {
        self.ask("subscribe", callback, more).await.expect(202);
        self.subscribed(callback).await
    }

    /// The live subscriptions of the hub.
    pub(super) async fn subscriptions(&self) -> Vec<Subscription> {
        let page = Page { limit: 1_000, ..Page::default() };
        let all = self.thorn.subscriptions().list(Access::Operator, page).await.unwrap();
        all.into_iter().filter(|one| one.lease.is_some()).collect()
    }

    pub(super) async fn find(&self, callback: &str) -> Option<Subscription> {
        self.subscriptions().await.into_iter().find(|one| one.spec.destination.url == callback)
    }

    /// Waits until this callback is subscribed.
    pub(super) async fn subscribed(&self, callback: &str) -> Subscription {
        eventually("the subscription", || async {
            self.find(callback).await.ok_or_else(|| "it isn't there".to_owned())
        })
        .await
    }

    /// Waits until this callback isn't subscribed.
    pub(super) async fn unsubscribed(&self, callback: &str) {
        eventually("the end of the subscription", || async {
            self.find(callback).await.map_or(Ok(()), |one| Err(format!("{one:?}")))
        })
        .await;
    }

    /// Waits until the hub has nothing more to ask. A request that wasn't confirmed by then never will be.
    pub(super) async fn has_asked_everybody(&self) {
        eventually("the end of all verifications", || async {
            match self.intents().await {
                0 => Ok(()),
                left => Err(format!("{left} intents")),
            }
        })
        .await;
    }

    /// How many intents wait.
    pub(super) async fn intents(&self) -> i64 {
        self.count("thorn_intent").await
    }

    pub(super) async fn count(&self, table: &str) -> i64 {
        use sea_orm::{ConnectionTrait as _, Statement};
        let db = self.thorn.db();
        let sql = format!("SELECT COUNT(*) AS n FROM {table}");
        let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
        row.try_get("", "n").unwrap()
    }

    /// Ends the pauses of intents whose callbacks were asked so often.
    pub(super) async fn end_pauses_after(&self, attempts: usize) {
        self.execute(&format!("UPDATE thorn_intent SET due = 0 WHERE attempts = {attempts}")).await;
    }

    pub(super) async fn execute(&self, sql: &str) {
        use sea_orm::ConnectionTrait as _;
        self.thorn.db().execute_unprepared(sql).await.unwrap();
    }

    /// Lets time pass for the hub: makes every time in this column earlier.
    pub(super) async fn pass(&self, table: &str, column: &str, time: Duration) {
        self.execute(&format!("UPDATE {table} SET {column} = {column} - {}", time.as_millis())).await;
    }
}

/// A form as a browser writes it.
pub(super) fn form(pairs: &[(&str, &str)]) -> String {
    reqwest::Url::parse_with_params("http://a/", pairs).unwrap().query().unwrap_or_default().to_owned()
}

/// A subscriber that is subscribed at this path.
pub(super) async fn subscribed(hub: &RunningHub, path: &str, more: &[(&str, &str)]) -> (Subscriber, String) {
    let subscriber = Subscriber::start().await;
    let callback = subscriber.url(path);
    hub.subscribe(&callback, more).await;
    (subscriber, callback)
}
