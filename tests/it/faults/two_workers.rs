//! Two workers on one database, a SQLite file above all.

use std::time::Instant;

use super::{
    backlog::{delivered, working},
    ground::Ground,
    run::{Moment, Run},
};
use crate::{
    app::{self, TestApp},
    faults::on,
    process::WorkerProcess,
};

on! {
    full_sqlite: nothing_fails;
    postgres: nothing_fails;
}

const DELIVERIES: usize = 1000;

async fn nothing_fails(ground: Ground) {
    let mut run = Run::start("none: two workers at work", ground, 2).await;
    run.more(DELIVERIES).await;
    run.finish(Moment::now(), 0, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_on_one_file_relay_and_deliver_each_event_once() {
    const EVENTS: usize = 1000;
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    app.execute(
        "CREATE TABLE relayed (event BLOB); CREATE TRIGGER relayed AFTER UPDATE OF relayed_at ON thorn_event \
         BEGIN INSERT INTO relayed VALUES (NEW.id); END",
    )
    .await;
    // Both at once, on a database that has no queue yet.
    let workers = [WorkerProcess::start(&app.url), WorkerProcess::start(&app.url)];
    for worker in &workers {
        working(&app, worker).await;
    }
    let started = Instant::now();
    app.send_many(EVENTS).await;
    delivered(&app, &subscription, EVENTS).await;
    println!("{EVENTS} deliveries by two workers in {:.1} s", started.elapsed().as_secs_f32());
    app.settled().await;
    assert_eq!(app.count("relayed").await, EVENTS as i64);
    assert_eq!(receiver.different_and_repeated(), (EVENTS, 0));
    for worker in &workers {
        let log = worker.log();
        let deliveries = log.matches(" delivered ").count();
        println!("{} logged {deliveries} deliveries", worker.name());
        assert!(!log.contains("WARN") && !log.contains("ERROR"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_start_at_once_make_the_tables_once() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/new.db?mode=rwc", dir.path().display());
    let mut workers: Vec<_> = (0..4).map(|_| WorkerProcess::start(&url)).collect();
    for worker in &workers {
        app::eventually("a working worker", || async {
            let log = worker.log();
            if log.contains("worker started") { Ok(()) } else { Err(log) }
        })
        .await;
    }
    for worker in &mut workers {
        worker.terminate();
        assert!(worker.ended().await.success(), "{}", worker.log());
    }
}
