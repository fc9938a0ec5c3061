//! Sums in memory and in the table.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, DatabaseConnection};
use thorn_test_support::Place;

use super::{
    Tally,
    bucket::{ALL, QUARTER, start_of},
    latest_failure, latest_success,
    pending::MOST,
    read::Tallied,
    tallies,
};
use crate::{
    attempt::{Attempt, DeliveryState, Outcome},
    id::SubscriptionId,
    timestamp::Timestamp,
};

const NOW: Timestamp = Timestamp::from_millis(1_649_367_553_000);

async fn place() -> (Place, DatabaseConnection) {
    let place = Place::new().await;
    let db = crate::connect(&place.url).await.unwrap();
    crate::migration::migrate(&db).await.unwrap();
    (place, db)
}

fn attempt(outcome: Outcome, millis: u64, error: Option<&str>) -> Attempt {
    Attempt {
        outcome,
        attempted_at: NOW,
        duration: Duration::from_millis(millis),
        status: (outcome == Outcome::Rejected).then_some(503),
        response: None,
        error: error.map(str::to_owned),
        retry_after: None,
    }
}

fn add(tally: &mut Tally, id: SubscriptionId, attempt: &Attempt, at: Timestamp) {
    let state = if attempt.outcome == Outcome::Delivered { DeliveryState::Delivered } else { DeliveryState::Dead };
    tally.add([(id, attempt, state, at)]);
}

async fn read(db: &DatabaseConnection, id: SubscriptionId) -> Vec<Tallied> {
    tallies(db, id, Timestamp::from_millis(0), NOW + QUARTER * 100).await.unwrap()
}

#[tokio::test]
async fn the_sums_of_several_workers_add_up_and_the_latest_failure_stays_whoever_writes_last() {
    let (_place, db) = place().await;
    let id = SubscriptionId::generate();
    let (mut one, mut other) = (Tally::default(), Tally::default());
    add(&mut one, id, &attempt(Outcome::Delivered, 3, None), NOW);
    add(&mut one, id, &attempt(Outcome::Rejected, 30, None), NOW + Duration::from_secs(9));
    add(&mut one, id, &attempt(Outcome::Delivered, 3, None), NOW + QUARTER);
    let long = "the receiver's certificate ä ".repeat(20);
    add(&mut other, id, &attempt(Outcome::Unreachable, 1, Some(&long)), NOW + Duration::from_secs(5));
    add(&mut other, id, &attempt(Outcome::TimedOut, 15_001, None), NOW + Duration::from_secs(4));
    add(&mut other, id, &attempt(Outcome::Delivered, 7, None), NOW - Duration::from_secs(1));
    one.write_all(&db).await;
    let failure = latest_failure(&db, id).await.unwrap().unwrap();
    other.write_all(&db).await;
    assert_eq!(latest_failure(&db, id).await.unwrap().unwrap(), failure);
    assert_eq!((failure.at, failure.status, failure.error), (NOW + Duration::from_secs(9), Some(503), None));
    assert_eq!(latest_success(&db, id).await.unwrap(), Some(NOW + QUARTER));

    let rows = read(&db, id).await;
    assert_eq!(
        rows.iter().map(|row| row.start).collect::<Vec<_>>(),
        [start_of(NOW, QUARTER), start_of(NOW + QUARTER, QUARTER)]
    );
    let sums = &rows[0].sums;
    assert_eq!((sums.delivered, sums.failed, sums.dead), (2, 3, 3));
    assert_eq!(sums.latencies.0, [1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1], "none of the one that reached nobody");
    let all = read(&db, ALL).await;
    assert_eq!(all.iter().map(|row| row.sums.delivered + row.sums.failed).sum::<u32>(), 6);

    // The error of an earlier attempt is kept only until a later one fails.
    let mut third = Tally::default();
    add(&mut third, id, &attempt(Outcome::Unreachable, 1, Some(&long)), NOW + QUARTER * 2);
    third.write_all(&db).await;
    let failure = latest_failure(&db, id).await.unwrap().unwrap();
    let kept: String = long.chars().take(190).collect();
    assert_eq!((failure.status, failure.error), (None, Some(kept)));
}

#[tokio::test]
async fn sums_that_can_not_be_written_are_kept_and_written_later() {
    let (_place, db) = place().await;
    let mut tally = Tally::default();
    let ids: Vec<_> = (0..700).map(|_| SubscriptionId::generate()).collect();
    for id in &ids {
        add(&mut tally, *id, &attempt(Outcome::Delivered, 3, None), NOW);
    }
    db.execute_unprepared("ALTER TABLE thorn_tally RENAME TO away").await.unwrap();
    tally.write_all(&db).await;
    add(&mut tally, ids[0], &attempt(Outcome::Delivered, 3, None), NOW);
    db.execute_unprepared("ALTER TABLE away RENAME TO thorn_tally").await.unwrap();
    tally.write_all(&db).await;
    tally.write_all(&db).await;
    for (id, expected) in [(ids[0], 2), (ids[1], 1), (ids[699], 1), (ALL, 701)] {
        let rows = read(&db, id).await;
        assert_eq!(rows.iter().map(|row| row.sums.delivered).sum::<u32>(), expected);
    }
    assert_eq!(tally.due(), None);
}

#[tokio::test]
async fn however_many_subscriptions_there_are_memory_has_few_sums_and_all_attempts_count_into_those_of_all() {
    let (_place, db) = place().await;
    let mut tally = Tally::default();
    let count = u32::try_from(MOST).unwrap() + 1_000;
    for _ in 0..count {
        add(&mut tally, SubscriptionId::generate(), &attempt(Outcome::Delivered, 3, None), NOW);
    }
    assert!(tally.len() <= MOST + 1, "{}", tally.len());
    assert!(tally.due().unwrap() <= tokio::time::Instant::now(), "they are written early");
    tally.write_all(&db).await;
    assert_eq!(tally.len(), 0);
    assert_eq!(read(&db, ALL).await[0].sums.delivered, count);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_write_the_same_rows_at_once_neither_deadlock_nor_lose_any() {
    const WORKERS: u32 = 6;
    let (place, db) = place().await;
    let ids: Vec<_> = (0..300).map(|_| SubscriptionId::generate()).collect();
    let workers = (0..WORKERS).map(|_| {
        let (url, ids) = (place.url.clone(), ids.clone());
        tokio::spawn(async move {
            let db = crate::connect(&url).await.unwrap();
            let mut tally = Tally::default();
            for _ in 0..5 {
                for id in &ids {
                    add(&mut tally, *id, &attempt(Outcome::Delivered, 3, None), NOW);
                }
                tally.write_all(&db).await;
                assert_eq!(tally.len(), 0, "a statement failed");
            }
            db.close().await.unwrap();
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    for id in [ids[0], ids[299]] {
        assert_eq!(read(&db, id).await[0].sums.delivered, WORKERS * 5);
    }
    assert_eq!(read(&db, ALL).await[0].sums.delivered, WORKERS * 5 * 300);
}
