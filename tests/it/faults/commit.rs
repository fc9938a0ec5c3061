//! An application that dies before or after its commit.

use std::process::Command;

use sea_orm::TransactionTrait;
use thorn::event::Event;

use crate::{
    app::{PATIENCE, TestApp},
    process::{self, WorkerProcess},
};

/// Not a test but an application that dies, when the test below runs it.
#[tokio::test]
async fn application_that_aborts() {
    let (Ok(moment), Ok(url)) = (std::env::var("THORN_TEST_ABORT"), std::env::var("DATABASE_URL")) else { return };
    let db = thorn::connect(&url).await.unwrap();
    let txn = db.begin().await.unwrap();
    let id = Event::new("a.b").broadcast().send(&txn, &moment).await.unwrap();
    if moment == "committed" {
        txn.commit().await.unwrap();
    }
    println!("wrote {id}");
    std::process::abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_that_dies_before_the_commit_sent_nothing_and_after_it_everything() {
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/")).await;
    for moment in ["uncommitted", "committed"] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "faults::commit::application_that_aborts", "--nocapture"]);
        let output = process::output(command.env("THORN_TEST_ABORT", moment).env("DATABASE_URL", &app.url));
        let written = String::from_utf8_lossy(&output.stdout);
        assert!(written.contains("wrote ") && !output.status.success(), "{output:?}");
    }
    let _worker = WorkerProcess::start(&app.url);
    receiver.wait_for(1, PATIENCE).await.unwrap();
    app.settled().await;
    let sent: Vec<_> = receiver.received().iter().map(|request| request.json()["data"].clone()).collect();
    assert_eq!(sent, ["committed"]);
}
