//! Requirements that every queue meets, wherever it is.

use std::time::{Duration, Instant};

use thorn::{Config, attempt::DeliveryState, event::Event, worker::Worker};
use thorn_core::testing::Reply;

use super::place::{Place, Placed};
use crate::{
    app::{self, PATIENCE},
    process::{TAKEOVER, WorkerProcess},
};

/// Each of these tests for each queue; those on a server are skipped, and say so, if there is none.
macro_rules! on_each_queue {
    ($($place:ident as $name:ident: $($test:ident),*;)*) => {
        $(mod $name {
            use super::super::place::Place;

            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(Place::$place).await;
            })*
        })*
    };
}

on_each_queue! {
    Sqlite as sqlite: deliveries_arrive_once_and_failures_again, a_killed_worker_s_tasks_are_taken_over,
        emptied_it_costs_time_and_no_delivery, emptied_again_and_again_in_mid_work_it_loses_nothing,
        two_workers_share_the_work_and_send_nothing_twice, a_stopping_worker_hands_back;
    Postgres as postgres: deliveries_arrive_once_and_failures_again, a_killed_worker_s_tasks_are_taken_over,
        emptied_it_costs_time_and_no_delivery, emptied_again_and_again_in_mid_work_it_loses_nothing,
        two_workers_share_the_work_and_send_nothing_twice, a_stopping_worker_hands_back;
    Redis as redis: deliveries_arrive_once_and_failures_again, a_killed_worker_s_tasks_are_taken_over,
        emptied_it_costs_time_and_no_delivery, emptied_again_and_again_in_mid_work_it_loses_nothing,
        two_workers_share_the_work_and_send_nothing_twice, a_stopping_worker_hands_back;
    Memory as memory: deliveries_arrive_once_and_failures_again, a_killed_worker_s_tasks_are_taken_over,
        two_workers_share_the_work_and_send_nothing_twice, a_stopping_worker_hands_back;
}

async fn deliveries_arrive_once_and_failures_again(place: Place) {
    let Some(placed) = Placed::new(place, app::config()).await else { return };
    let app = &placed.app;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    app.send_many(200).await;
    app.deliveries(&subscription, |rows| rows.len() == 200).await;
    app.settled().await;
    assert_eq!(receiver.different_and_repeated(), (200, 0));

    receiver.reply(Reply::status(503));
    Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
    receiver.wait_for(202, PATIENCE).await.unwrap();
    receiver.reply(Reply::status(204));
    let rows = app
        .deliveries(&subscription, |rows| {
            rows.len() == 201 && rows.iter().all(|r| r.state == Some(DeliveryState::Delivered))
        })
        .await;
    assert!(rows.iter().any(|row| row.attempts > 1));
    app.settled().await;
    assert_eq!(worker.counters().recovered, 0);
    if place != Place::Memory {
        app::eventually("an empty queue", || async {
            let left = placed.tasks().await;
            if left == 0 { Ok(()) } else { Err(format!("{left} tasks")) }
        })
        .await;
    }
    worker.stop().await.unwrap();
}

/// Memory is gone with its process; what takes over there is the reconciler.
async fn a_killed_worker_s_tasks_are_taken_over(place: Place) {
    const EVENTS: usize = 10;
    let Some(placed) = Placed::new(place, app::config()).await else { return };
    let app = &placed.app;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(200).delay(Duration::from_secs(3600)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let mut first = WorkerProcess::spawn(placed.command().env("THORN_EVENT_TIMEOUT", "60"));
    app.send_many(EVENTS).await;
    receiver.wait_for(EVENTS, PATIENCE).await.unwrap();
    let _second = WorkerProcess::spawn(&mut placed.command());
    receiver.reply(Reply::status(204));
    let killed = Instant::now();
    first.kill();
    app.deliveries(&subscription, |rows| rows.len() == EVENTS).await;
    println!("{place}: after {:.1} s with THORN_TAKEOVER={TAKEOVER}", killed.elapsed().as_secs_f32());
    app.settled().await;
    assert_eq!(receiver.different_and_repeated(), (EVENTS, EVENTS), "once each from the killed worker and the other");
}

async fn emptied_it_costs_time_and_no_delivery(place: Place) {
    const EVENTS: usize = 10;
    let Some(placed) = Placed::alone(place, app::config()).await else { return };
    let app = &placed.app;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(200).delay(Duration::from_secs(3600)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let mut first = WorkerProcess::spawn(placed.command().env("THORN_EVENT_TIMEOUT", "60"));
    app.send_many(EVENTS).await;
    receiver.wait_for(EVENTS, PATIENCE).await.unwrap();
    first.kill();
    assert!(placed.tasks().await > 0, "no task was in the queue, so this shows nothing");
    placed.empty().await;
    assert_eq!(placed.tasks().await, 0);
    receiver.reply(Reply::status(204));
    let worker = app.worker().await;
    app.deliveries(&subscription, |rows| rows.len() == EVENTS).await;
    app.settled().await;
    assert_eq!(worker.counters().recovered, EVENTS as u64);
    assert_eq!(receiver.different_and_repeated(), (EVENTS, EVENTS));
    worker.stop().await.unwrap();
}

async fn emptied_again_and_again_in_mid_work_it_loses_nothing(place: Place) {
    const EVENTS: usize = 500;
    let config = Config { chunk: 5, ..app::config() };
    let Some(placed) = Placed::alone(place, config).await else { return };
    let app = &placed.app;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(204).delay(Duration::from_millis(5)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    let empty = async {
        for n in 1..=5 {
            receiver.wait_for(n * 80, PATIENCE).await.unwrap();
            placed.empty().await;
        }
    };
    tokio::join!(app.send_many(EVENTS), empty);
    app.deliveries(&subscription, app::all_delivered(EVENTS)).await;
    app.settled().await;
    println!("{place}: {} deliveries were found again", worker.counters().recovered);
    assert_eq!(receiver.different_and_repeated().0, EVENTS);
    worker.stop().await.unwrap();
}

async fn two_workers_share_the_work_and_send_nothing_twice(place: Place) {
    let mut config = Config { chunk: 5, ..app::config() };
    if place == Place::Memory {
        // A worker doesn't see the tasks in another's memory, so on a busy machine its reconciler would take them for
        // lost.
        config.audit_after = PATIENCE * 4;
    }
    let Some(placed) = Placed::new(place, config).await else { return };
    let app = &placed.app;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(204).delay(Duration::from_millis(5)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let (one, two) = tokio::join!(app.worker(), app.worker());
    let worked = |worker: &Worker| worker.counters().relayed > 0 && worker.counters().delivered > 0;
    let mut events = 0;
    let started = Instant::now();
    // Which of them is first each time is chance.
    while events < 500 || !(worked(&one) && worked(&two)) {
        assert!(started.elapsed() < PATIENCE, "one did it all: {:?} {:?}", one.counters(), two.counters());
        app.send_many(50).await;
        events += 50;
        receiver.wait_for(events - 25, PATIENCE).await.unwrap();
    }
    app.deliveries(&subscription, |rows| rows.len() == events).await;
    if place != Place::Memory {
        app.settled().await;
    }
    assert_eq!(receiver.different_and_repeated(), (events, 0));
    assert_eq!(one.counters().delivered + two.counters().delivered, events as u64);
    one.stop().await.unwrap();
    two.stop().await.unwrap();
}

async fn a_stopping_worker_hands_back(place: Place) {
    const EVENTS: usize = 400;
    // Neither takeover nor reconciler can be what brings the rest.
    let config = Config { takeover: PATIENCE * 4, audit_after: PATIENCE * 4, ..app::config() };
    let Some(placed) = Placed::new(place, config).await else { return };
    let app = &placed.app;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(204).delay(Duration::from_millis(300)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let worker = app.worker().await;
    app.send_many(EVENTS).await;
    receiver.wait_for(1, PATIENCE).await.unwrap();
    let under_way = receiver.arrived();
    worker.stop().await.unwrap();
    let begun = receiver.arrived();
    println!("{place}: {under_way} when it was told to stop, {begun} when it had");
    assert!(begun < EVENTS, "there was no backlog, so this shows nothing");
    // Requests under way are answered, and at most as many follow them.
    assert!(begun <= receiver.most_at_once() * 2, "{under_way} were under way, and {begun} had begun at the end");

    receiver.reply(Reply::status(204));
    let second = app.worker().await;
    app.deliveries(&subscription, app::all_delivered(EVENTS)).await;
    assert_eq!(receiver.different_and_repeated(), (EVENTS, 0), "{begun} before the stop");
    second.stop().await.unwrap();
}
