//! The statements that are really executed on thorn's large tables, by a worker that relays, retries,
//! audits, cleans up and feeds a dispatcher, by inline delivery, and by who reads the history.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use sea_orm::{ConnectOptions, Database, Statement};
use thorn::{
    Config, Dispatch, Event, Thorn, async_trait,
    attempt::RetryPolicy,
    dispatch::{BoxError, Dispatcher},
    event::RenderedEvent,
    history::StatsWindow,
    subscription::Access,
    timestamp::Timestamp,
};
use thorn_core::testing::Reply;

use crate::app::{self, PATIENCE, TestApp, eventually};

/// Tables that grow with every event.
pub(super) const LARGE: [&str; 3] = ["thorn_event", "thorn_delivery", "thorn_attempt"];

/// Each statement that must have been seen, by some of its words in their order.
const EXPECTED: [(&str, &[&str]); 17] = [
    ("claim", &["select", "from thorn_event", "relayed_at is null", "dispatcher is null", "order by sender"]),
    ("marks", &["update thorn_event set relayed_at", "fanout", "id in"]),
    ("dispatcher's claim", &["select", "from thorn_event", "dispatcher =", "relayed_at is null"]),
    ("due", &["select", "from thorn_delivery", "next_attempt_at <="]),
    ("lease", &["update thorn_delivery set next_attempt_at", "id in"]),
    ("audit", &["select", "from thorn_event", "audit_at <=", "fanout is not null"]),
    ("settled", &["update thorn_event set audit_at = null", "audit_at <=", "from thorn_delivery"]),
    ("abandoned", &["update thorn_event set relayed_at", "audit_at <=", "fanout is null"]),
    ("over", &["select id", "from thorn_event", "id <", "not exists"]),
    ("unheard", &["select id", "from thorn_event", "id <", "fanout ="]),
    ("deletion of attempts", &["delete", "from thorn_attempt", "event_id in"]),
    ("deletion of deliveries", &["delete from thorn_delivery", "event_id in"]),
    ("deletion of events", &["delete from thorn_event", "id in"]),
    ("history of an event", &["select", "from thorn_delivery", "event_id ="]),
    ("waiting of a subscription", &["select count(*) as n, min(created_at)", "from thorn_delivery", "limit"]),
    ("dead of a subscription", &["select count(*) as n from (select", "from thorn_delivery", "limit", "dead"]),
    ("history of a subscription", &["select", "from thorn_delivery", "subscription_id =", "order by"]),
];

#[derive(Debug)]
struct Taker;

#[async_trait]
impl Dispatcher for Taker {
    async fn dispatch(&self, events: &[RenderedEvent]) -> Vec<Result<(), BoxError>> {
        events.iter().map(|_| Ok(())).collect()
    }
}

/// By their text, as the database has them.
type Seen = Arc<Mutex<BTreeMap<String, Statement>>>;

/// Without quotes and table names before the columns, in small letters, and with `IN` on every database.
fn plain(sql: &str) -> String {
    // PostgreSQL gets the values of an `IN` as one array.
    let unquoted = sql.replace(['"', '`'], "").to_lowercase().replace("= any(", "in (");
    LARGE.iter().fold(unquoted, |sql, table| sql.replace(&format!("{table}."), ""))
}

fn is(sql: &str, words: &[&str]) -> bool {
    let mut rest = sql;
    words.iter().all(|word| rest.split_once(word).map(|(_, after)| rest = after).is_some())
}

/// An application whose every statement is seen.
async fn watched(app: &TestApp, seen: &Seen) -> Thorn {
    // With more connections, a worker on SQLite has one of its own to write through, which calls nobody back.
    let connections = if app.url.starts_with("sqlite") { 1 } else { 10 };
    let options = ConnectOptions::new(&app.url).max_connections(connections).to_owned();
    let mut db = Database::connect(options).await.unwrap();
    let seen = seen.clone();
    db.set_metric_callback(move |info| {
        let sql = &info.statement.sql;
        let reads = ["SELECT", "UPDATE", "DELETE"].iter().any(|verb| sql.starts_with(verb));
        if reads && LARGE.iter().any(|table| sql.contains(table)) {
            seen.lock().unwrap().entry(plain(sql)).or_insert_with(|| info.statement.clone());
        }
    });
    let config = Config {
        keep: Some(Duration::from_secs(2)),
        keep_unmatched: Some(Duration::ZERO),
        audit_after: Duration::from_secs(1),
        ..app::config()
    };
    Thorn::builder(db).config(config).dispatcher("mine", Arc::new(Taker)).build().await.unwrap()
}

/// All that touch the large tables, each of [`EXPECTED`] with its name among them.
pub(crate) async fn statements() -> Vec<(&'static str, Statement)> {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    // It is the statements that count here.
    app.ignore_the_rest();
    let seen = Seen::default();
    let thorn = watched(&app, &seen).await;
    let subscription = app.subscribe("heard.**", &receiver.url("/")).await;
    receiver.reply(Reply::status(500));
    let event = |name: &str| Event::new(name).broadcast().retry(RetryPolicy::fixed(Duration::from_millis(20), 9));
    let worker = thorn.start_worker().await.unwrap();
    for name in ["heard.of", "unheard"] {
        event(name).send(thorn.db(), &1).await.unwrap();
    }
    event("heard.by.mine").dispatch(Dispatch::custom("mine")).send(thorn.db(), &1).await.unwrap();
    let id = thorn.send_now(event("heard.at.once"), &1).await.unwrap().id;
    receiver.wait_for(4, PATIENCE).await.unwrap();
    receiver.reply(Reply::status(204));
    thorn.history().of_event(id).await.unwrap();
    thorn.history().of_subscription(subscription.id, 100).await.unwrap();
    let window = StatsWindow::new(None, None, None, Timestamp::now()).unwrap();
    thorn.stats(Access::Operator, subscription.id, window).await.unwrap();
    thorn.status().await.unwrap();
    thorn.subscriptions().get(Access::Operator, subscription.id).await.unwrap();
    eventually("all statements", || async {
        let seen = seen.lock().unwrap();
        let missing = EXPECTED.iter().filter(|(_, words)| !seen.keys().any(|sql| is(sql, words)));
        let missing: Vec<_> = missing.map(|(what, _)| what).collect();
        if missing.is_empty() { Ok(()) } else { Err(format!("{missing:?} in {:#?}", seen.keys())) }
    })
    .await;
    worker.stop().await.unwrap();
    let seen = seen.lock().unwrap();
    let name = |sql: &str| EXPECTED.iter().find(|(_, words)| is(sql, words)).map_or("another", |(what, _)| what);
    seen.iter().map(|(sql, statement)| (name(sql), statement.clone())).collect()
}
