//! PostgreSQL's NOTIFY, when the connection that listens is cut.

use std::time::Duration;

use sea_orm::{DbBackend, TransactionTrait};
use thorn::{Config, Event};
use thorn_test_support::skipped;

use crate::app::{self, PATIENCE, TestApp};

/// Longer than the test waits for an event, so that no poll can be what finds it.
const POLL: Duration = Duration::from_secs(4 * PATIENCE.as_secs());

const LISTENERS: &str = "pg_stat_activity WHERE datname = current_database() AND query ILIKE 'LISTEN%thorn_event%'";

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_was_cut_off_listens_again() {
    let config = Config { poll_interval: POLL, ..app::config() };
    let app = TestApp::with(config).await;
    let receiver = app.receiver().await;
    if app.db().get_database_backend() != DbBackend::Postgres {
        return skipped("only PostgreSQL has notifications");
    }
    app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    // The process on the server that serves the listening connection, once it is another one.
    let listener = async |but: &str| {
        app::eventually("a listener", || async {
            match app.text(&format!("SELECT pid::text AS text FROM {LISTENERS}")).await.as_slice() {
                [pid] if pid != but => Ok(pid.clone()),
                others => Err(format!("{others:?}")),
            }
        })
        .await
    };
    // In a transaction of the caller's own: nothing but the notification tells of its commit.
    let arrival = async |number: usize| {
        let txn = app.db().begin().await.unwrap();
        Event::new("a.b").broadcast().send(&txn, &number).await.unwrap();
        txn.commit().await.unwrap();
        receiver.wait_for(number, PATIENCE).await.unwrap();
    };
    let first = listener("").await;
    for number in 1..=3 {
        arrival(number).await;
    }
    let cut = app.text(&format!("SELECT pg_terminate_backend({first})::text AS text")).await;
    assert_eq!(cut, ["true"]);
    // An event committed meanwhile is found when the connection is back.
    arrival(4).await;
    listener(&first).await;
    for number in 5..=7 {
        arrival(number).await;
    }
    worker.stop().await.unwrap();
}
