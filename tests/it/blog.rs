//! The blog of the examples, as a process of its own: what a stranger starts first.

mod databases;
mod delivers;
pub(crate) mod http;
mod process;
mod refuses;
mod shows_itself;
mod tags;

use std::{process::Stdio, sync::Arc};

use sea_orm::{ConnectionTrait, DatabaseConnection, Statement, TryGetable};
use serde_json::{Value, json};
use thorn::signing::{Secret, hook_hmac};
use thorn_core::testing::Received;

pub(crate) use self::process::Process;
use self::{http::Answer, process::example};

/// Allows subscriptions to this machine.
pub(crate) const LOOPBACK: (&str, &str) = ("THORN_ALLOW_NETWORKS", "127.0.0.0/8");

pub(crate) struct Blog {
    pub(crate) process: Process,
    port: u16,
    url: String,
    directory: Arc<tempfile::TempDir>,
}

impl Blog {
    /// On a database of its own.
    async fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), settings).await
    }

    async fn start_in(directory: Arc<tempfile::TempDir>, settings: &[(&str, &str)]) -> Self {
        let url = format!("sqlite://{}/blog.db", directory.path().display());
        Self::start_on(url, directory, Stdio::inherit(), settings).await
    }

    /// Its log goes there.
    pub(crate) async fn start_logging_to(stderr: Stdio, settings: &[(&str, &str)]) -> Self {
        let directory = Arc::new(tempfile::tempdir().unwrap());
        let url = format!("sqlite://{}/blog.db", directory.path().display());
        Self::start_on(url, directory, stderr, settings).await
    }

    async fn start_on(
        url: String,
        directory: Arc<tempfile::TempDir>,
        stderr: Stdio,
        settings: &[(&str, &str)],
    ) -> Self {
        let settings = [settings, &[("PORT", "0"), ("DATABASE_URL", &url)]].concat();
        let mut process = Process::start(&example("blog"), &settings, stderr);
        let port = process.says("the blog is at http://127.0.0.1:").await.0.parse().unwrap();
        Self { process, port, url, directory }
    }

    async fn send(&self, user: &str, method: &str, path: &str, body: &Value) -> Answer {
        let headers = format!("authorization: Bearer {user}\r\ncontent-type: application/json\r\n");
        http::request(self.port, method, path, &headers, body.to_string().as_bytes()).await
    }

    /// Subscribes, and gives what the API says of it.
    pub(crate) async fn subscribe(&self, user: &str, event: &str, url: &str) -> Value {
        self.send(user, "POST", "/hooks/", &json!({"event": event, "url": url})).await.expect(201).json()
    }

    /// Ends a subscription by the URL that it gave of itself.
    async fn unsubscribe(&self, user: &str, subscription: &Value) {
        let url = text(&subscription["subscription"]);
        let path = url.strip_prefix(&format!("http://127.0.0.1:{}", self.port)).unwrap();
        self.send(user, "DELETE", path, &Value::Null).await.expect(204);
        self.send(user, "GET", path, &Value::Null).await.expect(404);
    }

    /// Publishes nothing yet: a draft.
    pub(crate) async fn write(&self, user: &str, title: &str) -> Value {
        self.send(user, "POST", "/articles/", &json!({"title": title, "body": "…"})).await.expect(201).json()
    }

    async fn patch(&self, user: &str, article: &Value, change: Value) -> Answer {
        self.send(user, "PATCH", &path(article), &change).await
    }

    async fn db(&self) -> DatabaseConnection {
        thorn::connect(&self.url).await.unwrap()
    }

    /// Names of all events so far.
    async fn events(&self) -> Vec<String> {
        self.column("name").await
    }

    /// To how many subscriptions each event so far was sent: it is known before the first of them hears it.
    async fn fanouts(&self) -> Vec<i32> {
        self.column("fanout").await
    }

    async fn column<T: TryGetable>(&self, name: &str) -> Vec<T> {
        let db = self.db().await;
        let query = format!("SELECT {name} FROM thorn_event ORDER BY id");
        let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), query)).await.unwrap();
        rows.iter().map(|row| row.try_get("", name).unwrap()).collect()
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn path(article: &Value) -> String {
    format!("/articles/{}/", article["id"])
}

/// Whether a request is a delivery of this event, in every part of it.
#[track_caller]
fn assert_delivery(request: &Received, subscription: &Value, event: &str, article: &Value) {
    // An event has the columns of its row; tags are rows of their own.
    let mut data = article.clone();
    data.as_object_mut().unwrap().remove("tags");
    let body = json!({"event": event, "ref": path(article), "sender": article["author"], "data": data});
    assert_eq!(request.json(), body);
    assert_eq!(request.header("hook-event"), event);
    assert_eq!(request.header("hook-subscription"), text(&subscription["id"]));
    let digest = text(&subscription["hmac_digest"]).parse().unwrap();
    let secret = Secret::new(text(&subscription["hmac_secret"]));
    assert_eq!(request.header("hook-hmac"), hook_hmac(digest, &secret, &request.body));
}
