//! A quick endpoint's backlog is drained as fast as it can be.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use thorn::{Config, delivery::RetryPolicy, event::Event, record::DeliveryState};
use thorn_core::testing::{Receiver, Reply};

use super::config;
use crate::app::{self, App, PATIENCE};

const BACKLOG: usize = 3000;

/// Deliveries that have failed once and are all due.
async fn failed_once(config: Config, receiver: &Receiver) -> App {
    receiver.reply(Reply::status(503));
    let app = App::with(config).await;
    app.subscribe("a.b", &receiver.url("/")).await;
    let events = (0..BACKLOG).map(|n| Event::new("a.b").broadcast().render(&n).unwrap()).collect();
    thorn::outbox::write(app.db(), events).await.unwrap();
    let worker = app.worker().await;
    receiver.wait_for(BACKLOG, PATIENCE).await.unwrap();
    app::eventually("recorded failures", || async {
        let status = app.thorn.status().await.unwrap();
        if status.waiting == BACKLOG as u64 { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
    worker.stop().await.unwrap();
    app.execute("UPDATE thorn_delivery SET next_attempt_at = 1").await;
    receiver.forget();
    receiver.reply(Reply::status(204));
    app
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quick_endpoint_s_backlog_waits_for_no_poll_with_one_worker_or_two() {
    // Longer than all of it may take: whoever pauses until the next poll is too late.
    let poll = Duration::from_secs(20);
    for workers in [1, 2] {
        let receiver = Receiver::start().await.unwrap();
        let retry = RetryPolicy::fixed(Duration::from_secs(3600), 4);
        let app = failed_once(Config { retry, ..config() }, &receiver).await;
        let patient = Config { poll_interval: poll, ..app.thorn.config().clone() };
        let mut running = Vec::new();
        let started = Instant::now();
        for _ in 0..workers {
            running.push(app.sibling(patient.clone()).await.start_worker().await.unwrap());
        }
        let received = receiver.wait_for(BACKLOG, poll - Duration::from_secs(2)).await.unwrap();
        let took = started.elapsed().as_secs_f64();
        println!("{BACKLOG} due deliveries by {workers} workers in {took:.2} s, {:.0}/s", BACKLOG as f64 / took);
        let delivered = format!(
            "SELECT CAST(COUNT(*) AS CHAR(9)) AS text FROM thorn_delivery WHERE state = '{}'",
            DeliveryState::Delivered
        );
        app::eventually("records", || async {
            let count = app.text(&delivered).await;
            if count[0].trim() == BACKLOG.to_string() { Ok(()) } else { Err(format!("{count:?}")) }
        })
        .await;
        let different: HashSet<_> = received.iter().map(|request| request.header("hook-delivery").to_owned()).collect();
        assert_eq!((different.len(), receiver.received().len()), (BACKLOG, BACKLOG), "each once");
        for worker in running {
            worker.stop().await.unwrap();
        }
    }
}
