//! A worker whose database user has the rights that `docs/settings.md` asks for, and no more.

use sea_orm::{ConnectionTrait, DbBackend};
use thorn::{Config, Event, Thorn};
use thorn_test_support::{is_mysql, skipped};

use crate::{
    app::{self, PATIENCE, TestApp},
    process::{self, WorkerProcess},
};

const TABLES: [&str; 23] = [
    "thorn_event",
    "thorn_log",
    "thorn_subscription",
    "thorn_registry",
    "thorn_delivery",
    "thorn_attempt",
    "thorn_pace",
    "thorn_payload",
    "thorn_tally",
    "thorn_worker",
    "thorn_row_change",
    "thorn_watch",
    "thorn_api_key",
    "thorn_idempotency",
    "thorn_topic",
    "thorn_cloud_event",
    "thorn_intent",
    "thorn_callback_host",
    "thorn_event_type",
    "thorn_webhook",
    "thorn_webhook_event",
    "thorn_stream_session",
    "thorn_migration",
];

const RIGHTS: &str = "SELECT, INSERT, UPDATE, DELETE";

/// The database's name, and its URL for another user.
fn as_user<'a>(url: &'a str, user: &str) -> (&'a str, String) {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    (place.rsplit_once('/').unwrap().1, format!("{scheme}://{user}:s3cr3t@{place}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_needs_no_more_rights_than_the_guide_says() {
    let app = TestApp::new().await;
    let backend = app.db().get_database_backend();
    if backend == DbBackend::Sqlite {
        return skipped("SQLite has no users");
    }
    // Makes the queue's tables.
    app.worker().await.stop().await.unwrap();
    let database = app.url.rsplit_once('/').unwrap().1;
    let user = database.replace("thorn_", "restricted_");
    let (database, url) = as_user(&app.url, &user);
    if backend == DbBackend::Postgres {
        app.execute(&format!("CREATE ROLE {user} LOGIN PASSWORD 's3cr3t'")).await;
        app.execute(&format!("GRANT USAGE ON SCHEMA apalis TO {user}")).await;
        app.execute(&format!("GRANT {RIGHTS} ON ALL TABLES IN SCHEMA apalis TO {user}")).await;
        app.execute(&format!("GRANT {RIGHTS} ON {} TO {user}", TABLES.join(", "))).await;
    } else {
        app.execute(&format!("CREATE USER {user}@'%' IDENTIFIED BY 's3cr3t'")).await;
        for table in TABLES {
            app.execute(&format!("GRANT {RIGHTS} ON {database}.{table} TO {user}@'%'")).await;
        }
    }
    let restricted = thorn::connect(&url).await.unwrap();
    restricted.execute_unprepared("CREATE TABLE more (id INTEGER)").await.expect_err("a control");
    restricted.close().await.unwrap();

    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/")).await;
    let mut worker = WorkerProcess::spawn(process::command(&url).env("THORN_KEEP", "0").env("THORN_AUDIT_AFTER", "1"));
    Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    // Retention is the last that a worker does.
    app::eventually("the event's end", || async {
        let left = app.count("thorn_event").await;
        if left == 0 { Ok(()) } else { Err(left.to_string()) }
    })
    .await;
    worker.terminate();
    assert!(worker.ended().await.success());
    assert!(!worker.log().contains("denied"), "{}", worker.log());
    let sql = match backend {
        DbBackend::Postgres => format!("DROP OWNED BY {user}; DROP ROLE {user}"),
        _ => format!("DROP USER {user}@'%'"),
    };
    app.execute(&sql).await;
}

#[tokio::test]
async fn where_no_queue_is_possible_the_worker_says_what_to_set() {
    let app = TestApp::new().await;
    let config = Config { queue_url: None, ..app::config() };
    let thorn = Thorn::builder(app.db().clone()).config(config).build().await.unwrap();
    let started = thorn.start_worker().await;
    if is_mysql() {
        let message = started.unwrap_err().to_string();
        assert!(message.contains("THORN_QUEUE_URL") && message.contains("redis://"), "{message}");
    } else {
        started.unwrap().stop().await.unwrap();
    }
}
