//! A server with a hub, and parties that it talks to on loopback.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection, Statement, Value, prelude::Uuid};
use serde_json::{Value as Json, json};
use thorn::timestamp::Timestamp;
use thorn_core::testing::{Received, Receiver, Reply};

use crate::{
    app::{PATIENCE, eventually},
    blog::http::{self, Answer},
    engine::server::{Caller, Server},
};

pub(super) const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

/// Topics may be fetched from loopback. Retries come soon.
const SETTINGS: [(&str, &str); 3] =
    [("THORN_HUB_FETCH_NETWORKS", "127.0.0.0/8"), ("THORN_RETRY_DELAY", "0.3"), ("THORN_POLL_INTERVAL", "0.02")];

pub(super) struct Hub {
    pub(super) server: Server,
    pub(super) operator: Caller,
    pub(super) db: DatabaseConnection,
}

/// A subscription to be made without asking its subscriber.
pub(super) struct Subscribed<'a> {
    pub(super) callback: &'a str,
    pub(super) secret: &'a str,
    pub(super) dialect: &'a str,
    pub(super) digest: &'a str,
    pub(super) lease: Duration,
}

impl<'a> Subscribed<'a> {
    /// A subscription of WebSub, without a secret, for an hour.
    pub(super) fn new(callback: &'a str) -> Self {
        Self { callback, secret: "", dialect: "websub", digest: "sha256", lease: Duration::from_secs(3_600) }
    }
}

impl Hub {
    pub(super) async fn start() -> Self {
        Self::with(&[]).await
    }

    /// With these settings besides.
    pub(super) async fn with(settings: &[(&str, &str)]) -> Self {
        let (server, operator) = Server::with(&[&SETTINGS, settings].concat()).await;
        let db = thorn::connect(&server.place.url).await.unwrap();
        Self { server, operator, db }
    }

    /// The URL under which deliveries name the hub.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hub", self.operator.port())
    }

    /// Ends with `kill -9` and starts again on the same database.
    pub(super) async fn killed_and_started(self, settings: &[(&str, &str)]) -> Self {
        let Self { server, operator, db } = self;
        let key = operator.key().to_owned();
        let server = Server::on(server.kill(), &[], &[&SETTINGS, settings].concat()).await;
        let operator = server.caller(key);
        Self { server, operator, db }
    }

    /// Another server on the same database, with its operator.
    pub(super) async fn sibling(&self, settings: &[(&str, &str)]) -> (Server, Caller) {
        let place = thorn_test_support::Place::given(self.server.place.url.clone());
        let server = Server::on(place, &[], &[&SETTINGS, settings].concat()).await;
        let operator = server.caller(self.operator.key());
        (server, operator)
    }

    /// Registers a topic of the operator's. Returns its id.
    pub(super) async fn register(&self, url: &str) -> String {
        let answer = self.operator.post("/topics/", json!({ "url": url })).await.expect(201);
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    /// Registers a topic with a subscription. Returns the topic's id.
    pub(super) async fn subscribed(&self, url: &str, callback: &str) -> String {
        let topic = self.register(url).await;
        self.subscribe(&topic, Subscribed::new(callback)).await;
        topic
    }

    /// Makes a verified subscription. Returns its id.
    pub(super) async fn subscribe(&self, topic: &str, subscribed: Subscribed<'_>) -> Uuid {
        let (id, now) = (Uuid::now_v7(), Timestamp::now());
        let version = "(SELECT version + 1 FROM thorn_registry)";
        let sql = format!(
            "INSERT INTO thorn_subscription (id, pattern, url, secret, digest, content_type, created_at, updated_at, \
             dialect, topic_id, topic_given, expires_at, created_version, version, hears_version) \
             VALUES (?, 'topic.updated', ?, ?, ?, 'application/json', ?, ?, ?, ?, '', ?, {version}, {version}, {version})"
        );
        let values: Vec<Value> = vec![
            id.into(),
            subscribed.callback.into(),
            subscribed.secret.into(),
            subscribed.digest.into(),
            now.as_millis().into(),
            now.as_millis().into(),
            subscribed.dialect.into(),
            topic.parse::<Uuid>().unwrap().into(),
            (now + subscribed.lease).as_millis().into(),
        ];
        self.execute(&sql, values).await;
        // Only now: a registry that saw this version first would never look for the subscription.
        self.execute("UPDATE thorn_registry SET version = version + 1", vec![]).await;
        id
    }

    pub(super) async fn execute(&self, sql: &str, values: Vec<Value>) {
        let backend = self.db.get_database_backend();
        let mut numbered = String::new();
        for (n, part) in sql.split('?').enumerate() {
            match backend {
                _ if n == 0 => {}
                sea_orm::DbBackend::Postgres => numbered.push_str(&format!("${n}")),
                _ => numbered.push('?'),
            }
            numbered.push_str(part);
        }
        self.db.execute_raw(Statement::from_sql_and_values(backend, numbered, values)).await.unwrap();
    }

    /// Whether the subscription is there: neither deleted nor disabled.
    pub(super) async fn is_live(&self, subscription: Uuid) -> bool {
        let sql = format!(
            "SELECT COUNT(*) AS n FROM thorn_subscription \
             WHERE topic_id IS NOT NULL AND deleted_at IS NULL AND disabled_at IS NULL AND id = {}",
            match self.db.get_database_backend() {
                sea_orm::DbBackend::Postgres => format!("'{subscription}'"),
                _ => format!("X'{}'", subscription.simple()),
            }
        );
        let row = self.db.query_one_raw(Statement::from_string(self.db.get_database_backend(), sql)).await;
        row.unwrap().unwrap().try_get::<i64>("", "n").unwrap() > 0
    }

    /// Posts a form to the hub.
    pub(super) async fn post(&self, caller: &Caller, path: &str, form: &str) -> Answer {
        let headers = format!("{FORM}{}", caller.authorization());
        http::request(caller.port(), "POST", path, &headers, form.as_bytes()).await
    }

    /// Says that a topic has changed.
    pub(super) async fn ping(&self, url: &str) {
        let form = format!("hub.mode=publish&hub.topic={}", encoded(url));
        self.post(&self.operator, "/hub", &form).await.expect(204);
    }

    /// Hands the hub a version of a topic. Returns the event's id.
    pub(super) async fn hand_in(&self, url: &str, media_type: &str, body: &[u8]) -> String {
        let path = format!("/dispatch?_topic={}", encoded(url));
        let headers =
            format!("content-type: {media_type}\r\naccept: application/json\r\n{}", self.operator.authorization());
        let answer = http::request(self.operator.port(), "POST", &path, &headers, body).await.expect(202);
        answer.json()["topic"]["id"].as_str().unwrap().to_owned()
    }

    pub(super) async fn topic(&self, id: &str) -> Json {
        self.operator.get(&format!("/topics/{id}")).await.expect(200).json()
    }

    /// Waits until the topic's JSON is as wished.
    pub(super) async fn topic_as(&self, id: &str, wished: impl Fn(&Json) -> bool) -> Json {
        eventually("a topic as wished", || async {
            let topic = self.topic(id).await;
            if wished(&topic) { Ok(topic) } else { Err(topic.to_string()) }
        })
        .await
    }

    /// The ids of all events with new versions, the newest first.
    pub(super) async fn versions(&self) -> Vec<String> {
        let events = self.operator.get("/events/?name=topic.updated").await.expect(200).json();
        events.as_array().unwrap().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    }
}

pub(super) async fn party() -> Receiver {
    Receiver::start().await.unwrap()
}

/// A publisher whose topic has this content.
pub(super) async fn publisher(media_type: &str, body: &str) -> Receiver {
    let publisher = party().await;
    publishes(&publisher, media_type, body);
    publisher
}

/// From now on, the publisher's topic has this content.
pub(super) fn publishes(publisher: &Receiver, media_type: &str, body: &str) {
    publisher.reply(Reply { body: body.to_owned(), ..Reply::status(200) }.header("content-type", media_type));
}

/// Waits for so many requests, and returns the last one.
pub(super) async fn nth(receiver: &Receiver, n: usize) -> Received {
    receiver.wait_for(n, PATIENCE).await.unwrap().remove(n - 1)
}

/// A URL as the value of a form's field.
pub(super) fn encoded(url: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    url.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") }).collect()
}
