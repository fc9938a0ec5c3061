//! Workers, each a process, that join and leave as they like while events come.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use sea_orm::{ConnectionTrait, Statement};
use thorn::attempt::DeliveryState;
use thorn_core::testing::Reply;

use super::place::{Place, Placed};
use crate::{
    app::{self, TestApp},
    process::WorkerProcess,
};

/// For so long events come, and workers come and go.
const LOAD: Duration = Duration::from_secs(12);

/// Long, so that neither a takeover nor the reconciler can be what brings something.
const TAKEOVER: Duration = Duration::from_secs(60);

/// From an event's writing to its delivery's attempt.
async fn longest_way(app: &TestApp) -> Duration {
    let sql = "SELECT MAX(d.attempted_at - e.created_at) AS longest \
               FROM thorn_delivery d JOIN thorn_event e ON e.id = d.event_id";
    let statement = Statement::from_string(app.db().get_database_backend(), sql);
    let row = app.db().query_one_raw(statement).await.unwrap().unwrap();
    Duration::from_millis(u64::try_from(row.try_get::<i64>("", "longest").unwrap()).unwrap())
}

/// Asks to stop, and waits for it. Before it has started it is only a process.
async fn leave(mut worker: WorkerProcess) {
    app::eventually("the worker's start", || async {
        let log = worker.log();
        if log.contains("worker started") { Ok(()) } else { Err(log) }
    })
    .await;
    worker.terminate();
    let ended = worker.ended().await;
    assert!(ended.success(), "{ended}: {}", worker.log());
}

async fn nothing_is_lost_repeated_or_starved(place: Place) {
    let Some(placed) = Placed::new(place, app::config()).await else { return };
    let app = &placed.app;
    let receiver = app.receiver().await;
    receiver.reply(Reply::status(204).delay(Duration::from_millis(20)));
    let subscription = app.subscribe("a.b", &receiver.url("/")).await;
    let join = || {
        let mut command = placed.command();
        WorkerProcess::spawn(
            command.env("THORN_TAKEOVER", TAKEOVER.as_secs().to_string()).env("THORN_AUDIT_AFTER", "300"),
        )
    };
    let started = Instant::now();
    let sending = async {
        let mut sent = 0;
        while started.elapsed() < LOAD {
            app.send_many(25).await;
            sent += 25;
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        sent
    };
    let coming_and_going = async {
        let (mut workers, mut came, mut number) = (vec![join()], 1, 7_u64);
        while started.elapsed() < LOAD {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let chosen = usize::try_from(number >> 40).unwrap();
            tokio::time::sleep(Duration::from_millis(300 + (number >> 33) % 700)).await;
            if workers.len() < 2 || (workers.len() < 4 && chosen.is_multiple_of(2)) {
                workers.push(join());
                came += 1;
            } else {
                leave(workers.remove(chosen % workers.len())).await;
            }
        }
        (workers, came)
    };
    let (sent, (workers, came)) = tokio::join!(sending, coming_and_going);
    let rows = app.deliveries(&subscription, |rows| rows.len() == sent).await;
    for worker in workers {
        leave(worker).await;
    }
    assert!(rows.iter().all(|row| row.state == Some(DeliveryState::Delivered) && row.attempts == 1), "{rows:#?}");
    let received = receiver.received();
    let ids: HashSet<_> = received.iter().map(|request| request.header("webhook-id")).collect();
    let longest = longest_way(app).await;
    println!("{place}: {sent} events by {came} workers in turn, the longest way took {longest:?}");
    assert_eq!((ids.len(), received.len()), (sent, sent), "each once");
    // A task that a leaving worker kept would be taken over only now.
    assert!(longest < TAKEOVER, "{longest:?}");
    assert!(came > 4, "{came} workers are none that come and go");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_queue_in_postgres() {
    nothing_is_lost_repeated_or_starved(Place::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_queue_in_redis_and_the_rest_in_postgres() {
    nothing_is_lost_repeated_or_starved(Place::RedisBesidePostgres).await;
}
