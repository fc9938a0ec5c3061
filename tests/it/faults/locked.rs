//! A database that somebody keeps locked.

use std::time::Duration;

use sea_orm::TransactionTrait;
use thorn::event::Event;
use thorn_core::testing::Reply;
use thorn_test_support::full;

use super::backlog::{delivered, working};
use crate::{
    app::{self, PATIENCE, TestApp},
    process::{self, WorkerProcess},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_database_locked_for_longer_than_a_worker_waits_cuts_no_request_off() {
    const EVENTS: usize = 10;
    if !full("a database that is locked for a while") {
        return;
    }
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    // Until after the lock.
    receiver.reply(Reply::status(204).delay(Duration::from_secs(13)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker =
        WorkerProcess::spawn(process::command(&app.url).env("THORN_TAKEOVER", "20").env("THORN_AUDIT_AFTER", "3"));
    working(&app, &worker).await;
    app.send_many(EVENTS).await;
    receiver.wait_for(EVENTS, PATIENCE).await.unwrap();

    let txn = app.db().begin().await.unwrap();
    Event::new("a.b").broadcast().send(&txn, &()).await.unwrap();
    app::eventually("a worker that gave up", || async {
        let log = worker.log();
        if log.contains("restarting it") { Ok(()) } else { Err(log) }
    })
    .await;
    assert!(delivered(&app, &subscription, 0).await.is_empty(), "the lock came too late to show anything");
    txn.rollback().await.unwrap();
    delivered(&app, &subscription, EVENTS).await;
    assert_eq!(receiver.different_and_repeated(), (EVENTS, 0));
}
