//! Many writers, while processes that number events are killed.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::{DatabaseConnection, DbBackend, TransactionTrait};
use thorn::{Event, EventId, stream::Start};

use super::{Server, cuts::random, id_of, next, reader, record};
use crate::process::{self, WorkerProcess};

const WRITERS: usize = 8;
const TRANSACTIONS: usize = 25;

/// Commits or rolls back after a random pause. Returns the ids of each committed transaction.
async fn write(db: DatabaseConnection) -> Vec<Vec<EventId>> {
    let mut committed = Vec::new();
    for _ in 0..TRANSACTIONS {
        let (pause, events, keeps) = (random(12), 1 + random(3), random(10) < 7);
        let txn = db.begin().await.unwrap();
        let mut ids = Vec::new();
        for number in 0..events {
            ids.push(Event::new("a.b").broadcast().send(&txn, &number).await.unwrap());
        }
        tokio::time::sleep(Duration::from_millis(pause)).await;
        if keeps {
            txn.commit().await.unwrap();
            committed.push(ids);
        } else {
            txn.rollback().await.unwrap();
        }
    }
    committed
}

#[tokio::test(flavor = "multi_thread")]
async fn or9_ac10_readers_see_what_eight_writers_committed_though_sequencers_are_killed() {
    let server = Server::new().await;
    let app = &server.app;
    let mut following = reader(&app.thorn, Start::Now).await;
    // A writer that sleeps longer than any poll or time-out of a reader. SQLite has one writer at a time.
    let sleeper = if app.db().get_database_backend() == DbBackend::Sqlite {
        None
    } else {
        let txn = app.db().begin().await.unwrap();
        Some((Event::new("a.slept").broadcast().send(&txn, &0).await.unwrap(), txn))
    };
    let is_over = Arc::new(AtomicBool::new(false));
    let killing = tokio::spawn({
        let (url, is_over) = (app.url.clone(), is_over.clone());
        async move {
            let mut kills = 0;
            while !is_over.load(Ordering::Relaxed) || kills < 3 {
                let start = || WorkerProcess::spawn(process::command(&url).env("THORN_EVENT_LOG", "true"));
                let mut sequencers = [start(), start()];
                tokio::time::sleep(Duration::from_millis(100 + random(500))).await;
                sequencers.iter_mut().for_each(WorkerProcess::kill);
                kills += 1;
            }
        }
    });
    let writing = (0..WRITERS).map(|_| tokio::spawn(write(app.db().clone())));
    let mut transactions = Vec::new();
    for one in writing.collect::<Vec<_>>() {
        transactions.extend(one.await.unwrap());
    }
    if let Some((id, txn)) = sleeper {
        txn.commit().await.unwrap();
        transactions.push(vec![id]);
    }
    is_over.store(true, Ordering::Relaxed);
    killing.await.unwrap();

    let events = transactions.iter().map(Vec::len).sum();
    let mut late = reader(&app.thorn, Start::Earliest).await;
    let mut read = [Vec::new(), Vec::new()];
    for (reader, read) in [&mut following, &mut late].into_iter().zip(&mut read) {
        while read.len() < events {
            let frame = next(reader).await;
            read.push((frame.cursor().to_string(), id_of(&record(&frame))));
        }
    }
    assert_eq!(read[0], read[1], "every reader sees one order");
    let positions = app.numbers("SELECT position FROM thorn_event ORDER BY position").await;
    assert_eq!(positions, (1..=i64::try_from(events).unwrap()).collect::<Vec<_>>(), "each is numbered once");
    let place: BTreeMap<EventId, usize> = read[0].iter().enumerate().map(|(place, (_, id))| (*id, place)).collect();
    for ids in &transactions {
        let places: Vec<_> = ids.iter().map(|id| place[id]).collect();
        assert!(places.is_sorted(), "a transaction's events keep their order");
    }
}
