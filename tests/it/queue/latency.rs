//! How long it takes from a commit to its arrival, woken and by polling only.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DatabaseConnection, TransactionTrait};
use thorn::{Config, EventId, event::Event, timestamp::Timestamp};

use super::place::{Place, Placed};
use crate::{
    app::{self, PATIENCE, Receiver},
    process::WorkerProcess,
};

/// Long, so that the two can't be taken for each other.
const POLL: Duration = Duration::from_millis(300);

const SAMPLES: usize = 5;

/// Which transaction an event is committed in.
#[derive(Clone, Copy)]
enum Way {
    /// One of the caller's own, through thorn.
    Thorn,
    /// One that nobody announces.
    Unannounced,
}

async fn commit(db: &DatabaseConnection, way: Way) {
    match way {
        Way::Thorn => {
            let txn = db.begin().await.unwrap();
            Event::new("a.b").broadcast().send(&txn, &1).await.unwrap();
            txn.commit().await.unwrap();
        }
        Way::Unannounced => {
            let sql = format!(
                "INSERT INTO thorn_event (id, name, broadcast, body, created_at) VALUES ({}, 'a.b', TRUE, '{{\"data\":1}}', {})",
                app::literal(db.get_database_backend(), EventId::generate().as_uuid()),
                Timestamp::now().as_millis()
            );
            db.execute_unprepared(&sql).await.unwrap();
        }
    }
}

/// From the commit to the arrival, sorted.
async fn measure(db: &DatabaseConnection, receiver: &Receiver, way: Way) -> Vec<Duration> {
    let mut took = Vec::with_capacity(SAMPLES);
    for n in 0..SAMPLES as u32 {
        // Until the relay is idle, and not always at the same moment of its poll.
        tokio::time::sleep(POLL + POLL * (n * 7 % 10) / 10 + POLL / 20).await;
        let before = receiver.received().len();
        commit(db, way).await;
        let committed = Instant::now();
        receiver.wait_for(before + 1, PATIENCE).await.unwrap();
        took.push(committed.elapsed());
    }
    took.sort_unstable();
    took
}

fn show(what: &str, took: &[Duration]) {
    let ms = |duration: Duration| duration.as_secs_f64() * 1000.0;
    println!("{what}: median {:.1} ms, longest {:.1} ms", ms(took[took.len() / 2]), ms(took[took.len() - 1]));
}

/// The worker is in this process, or in another one on a server that tells it.
async fn woken_at_once(place: Place) {
    let config = Config { poll_interval: POLL, ..app::config() };
    let Some(placed) = Placed::new(place, config).await else { return };
    let app = &placed.app;
    let receiver = app.receiver().await;
    app.subscribe("a.b", &receiver.url("/")).await;
    let mut process = None;
    let mut worker = None;
    if place == Place::Postgres {
        process =
            Some(WorkerProcess::spawn(placed.command().env("THORN_POLL_INTERVAL", POLL.as_secs_f32().to_string())));
    } else {
        worker = Some(app.worker().await);
    }
    Event::new("a.b").broadcast().send(app.db(), &1).await.unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    let (woken, polled) =
        (measure(app.db(), &receiver, Way::Thorn).await, measure(app.db(), &receiver, Way::Unannounced).await);
    show(&format!("{place}, woken"), &woken);
    show(&format!("{place}, polling every {POLL:?} only"), &polled);
    assert!(woken[SAMPLES / 2] < polled[SAMPLES / 2], "{woken:?} {polled:?}");
    if let Some(worker) = worker {
        worker.stop().await.unwrap();
    }
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_in_this_process() {
    woken_at_once(Place::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_in_another_process() {
    woken_at_once(Place::Postgres).await;
}
