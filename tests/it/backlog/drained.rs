//! A quick endpoint's backlog is drained as fast as it can be.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use thorn::{
    Config, DeliveryId,
    attempt::DeliveryState,
    event::{Event, RenderedEvent},
};

use crate::app::{self, Receiver, TestApp, literal};

const BACKLOG: usize = 1500;

/// Deliveries that were put off, and are all due.
async fn put_off(config: Config) -> (TestApp, Receiver) {
    let app = TestApp::with(config).await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let backend = app.db().get_database_backend();
    let events: Vec<_> = (0..BACKLOG).map(|n| Event::new("a.b").broadcast().render(&n).unwrap()).collect();
    let row = |event: &RenderedEvent| {
        let delivery = DeliveryId::derive(event.id, subscription.id).as_uuid();
        let [id, event, to] = [delivery, event.id.as_uuid(), subscription.id.as_uuid()].map(|id| literal(backend, id));
        format!("({id}, {event}, {to}, 'waiting', 0, 1, 1)")
    };
    let rows: Vec<_> = events.iter().map(row).collect();
    thorn::outbox::write(app.db(), events).await.unwrap();
    app.execute("UPDATE thorn_event SET relayed_at = 1, fanout = 1").await;
    for rows in rows.chunks(1000) {
        app.execute(&format!(
            "INSERT INTO thorn_delivery (id, event_id, subscription_id, state, attempts, next_attempt_at, created_at) \
             VALUES {}",
            rows.join(", ")
        ))
        .await;
    }
    (app, receiver)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quick_endpoint_s_backlog_waits_for_no_poll_with_one_worker_or_two() {
    // Longer than all of it may take: whoever pauses until the next poll is too late.
    let poll = Duration::from_secs(30);
    for workers in [1, 2] {
        let (app, receiver) = put_off(app::config()).await;
        let patient = Config { poll_interval: poll, ..app.thorn.config().clone() };
        let mut running = Vec::new();
        let started = Instant::now();
        for _ in 0..workers {
            running.push(app.sibling(patient.clone()).await.start_worker().await.unwrap());
        }
        let received = receiver.wait_for(BACKLOG, poll - Duration::from_secs(2)).await.unwrap();
        let took = started.elapsed().as_secs_f64();
        println!("{BACKLOG} due deliveries by {workers} workers in {took:.2} s, {:.0}/s", BACKLOG as f64 / took);
        let delivered = format!("thorn_delivery WHERE state = '{}'", DeliveryState::Delivered);
        app::eventually("records", || async {
            let count = app.count(&delivered).await;
            if count == BACKLOG as i64 { Ok(()) } else { Err(count.to_string()) }
        })
        .await;
        let different: HashSet<_> = received.iter().map(|request| request.header("hook-delivery").to_owned()).collect();
        assert_eq!((different.len(), receiver.received().len()), (BACKLOG, BACKLOG), "each once");
        for worker in running {
            worker.stop().await.unwrap();
        }
    }
}
