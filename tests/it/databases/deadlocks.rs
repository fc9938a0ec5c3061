//! Transactions of others that lock thorn's rows in every order, so that whatever thorn does may fail
//! in the midst of it.

use std::{
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Duration,
};

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, TransactionTrait};
use thorn::{Config, Event, attempt::RetryPolicy};
use thorn_core::testing::Reply;

use crate::app::{self, TestApp};

const WRITERS: usize = 3;
const TRANSACTIONS: usize = 20;
const EVENTS: usize = WRITERS * TRANSACTIONS * 2;

/// Rows that relay, recorder and retention write, in both orders.
const BOTH: [&str; 2] = [
    "UPDATE thorn_delivery SET duration_ms = duration_ms",
    "UPDATE thorn_event SET registry_version = registry_version",
];

fn is_deadlock(error: &DbErr) -> bool {
    error.to_string().to_lowercase().contains("deadlock")
}

async fn in_the_way(db: &DatabaseConnection, statements: [&str; 2]) -> Result<(), DbErr> {
    let txn = db.begin().await?;
    for sql in statements {
        txn.execute_unprepared(sql).await?;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    txn.commit().await
}

/// An application's transaction, which begins again after a deadlock.
async fn write(app: &TestApp, number: usize) {
    let written = async || {
        let txn = app.db().begin().await?;
        for _ in 0..2 {
            Event::new("a.b").broadcast().send(&txn, &number).await?;
        }
        txn.commit().await.map_err(thorn::Error::from)
    };
    while let Err(error) = written().await {
        assert!(error.to_string().to_lowercase().contains("deadlock"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlocks_cost_time_and_no_delivery() {
    let config = Config {
        chunk: 5,
        audit_after: Duration::from_secs(1),
        keep_unmatched: Some(Duration::ZERO),
        retry: RetryPolicy { jitter: 0.0, ..RetryPolicy::fixed(Duration::from_millis(50), 1000) },
        ..app::config()
    };
    let app = TestApp::with(config).await;
    let good = app.receiver().await;
    let bad = app.receiver().await;
    bad.reply(Reply::status(500));
    let to_good = app.subscribe("a.b", &good.url("/")).await;
    let to_bad = app.subscribe("a.b", &bad.url("/")).await;
    let worker = app.worker().await;
    let (done, deadlocks) = (AtomicBool::new(false), AtomicUsize::new(0));
    let others = BOTH.iter().enumerate().map(|(at, _)| {
        let (app, done, deadlocks) = (&app, &done, &deadlocks);
        async move {
            let statements = if at == 0 { BOTH } else { [BOTH[1], BOTH[0]] };
            while !done.load(Ordering::Relaxed) {
                match in_the_way(app.db(), statements).await {
                    Err(error) if is_deadlock(&error) => _ = deadlocks.fetch_add(1, Ordering::Relaxed),
                    // SQLite has one writer.
                    other => assert!(other.as_ref().map_or_else(|e| e.to_string().contains("locked"), |()| true)),
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    });
    let writers = (0..WRITERS).map(|writer| {
        let app = &app;
        async move {
            for n in 0..TRANSACTIONS {
                write(app, writer * TRANSACTIONS + n).await;
                Event::new("unheard").broadcast().send(app.db(), &n).await.ok();
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    });
    let all = async {
        futures::future::join_all(writers).await;
        app.deliveries(&to_good, |rows| rows.len() == EVENTS).await;
        // Those that are retried are written over and over.
        app.deliveries(&to_bad, |rows| rows.len() == EVENTS && rows.iter().any(|row| row.attempts > 2)).await;
        // So far, the server may have ended thorn's transactions only.
        if app.db().get_database_backend() != DbBackend::Sqlite {
            app::eventually("a deadlock of others", || async {
                if deadlocks.load(Ordering::Relaxed) > 0 { Ok(()) } else { Err("nobody was in the way".to_owned()) }
            })
            .await;
        }
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(all, futures::future::join_all(others));
    bad.reply(Reply::status(204));
    for subscription in [&to_good, &to_bad] {
        app.deliveries(subscription, app::all_delivered(EVENTS)).await;
    }
    app.settled().await;
    worker.stop().await.unwrap();
    let (arrived, repeated) = good.different_and_repeated();
    assert_eq!(arrived, EVENTS);
    let deadlocks = deadlocks.into_inner();
    println!("{deadlocks} deadlocks of others, {repeated} repeated deliveries");
}
