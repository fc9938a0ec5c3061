//! `buffer_events`: many events, one INSERT.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sea_orm::{DatabaseConnection, DbErr, TransactionTrait};
use thorn::{
    Error, Event, Thorn,
    outbox::{self, OnError, buffer_events, buffer_events_or},
};

use super::entities::article::{self, draft};
use crate::app::TestApp;

/// A connection to the database of the test, and how many INSERTs of events go over it.
async fn counted(test: &TestApp) -> (DatabaseConnection, Arc<AtomicUsize>) {
    let mut db = thorn::connect(&test.url).await.unwrap();
    let inserts = Arc::new(AtomicUsize::new(0));
    let counted = inserts.clone();
    db.set_metric_callback(move |info| {
        if info.statement.sql.contains("INSERT INTO thorn_event ") {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    (db, inserts)
}

async fn send(db: &impl sea_orm::ConnectionTrait, name: &str) -> Result<(), Error> {
    Event::new(name).broadcast().send(db, &()).await.map(drop)
}

async fn database() -> TestApp {
    TestApp::new().await.table(article::Entity).await
}

#[tokio::test]
async fn thorn_126_a_transaction_s_events_are_one_insert_in_order() {
    let test = database().await;
    let (db, inserts) = counted(&test).await;
    draft("alone").insert(&db).await.unwrap();
    draft("alone").insert(&db).await.unwrap();
    assert_eq!(inserts.swap(0, Ordering::Relaxed), 2, "each save writes its own");
    test.forget().await;

    let txn = db.begin().await.unwrap();
    let first = buffer_events(&txn, async |buffer| {
        let first = draft("0").insert(&txn).await?;
        for n in 1..100 {
            draft(&n.to_string()).insert(&txn).await?;
        }
        send(&txn, "by.hand").await?;
        assert_eq!(buffer.pending(), 101);
        assert_eq!(inserts.load(Ordering::Relaxed), 0);
        Ok::<_, DbErr>(first)
    })
    .await
    .unwrap();
    assert_eq!(inserts.load(Ordering::Relaxed), 1);
    first.delete(&txn).await.unwrap();
    assert_eq!(inserts.load(Ordering::Relaxed), 2, "the scope has ended");
    txn.commit().await.unwrap();

    let written = test.written().await;
    let titles: Vec<_> = written.iter().filter_map(|event| event.body["data"]["title"].as_str()).collect();
    let expected: Vec<_> = (0..100).map(|n| n.to_string()).chain(["0".to_owned()]).collect();
    assert_eq!(titles, expected);
    assert_eq!((written[100].name.as_str(), written[101].name.as_str()), ("by.hand", "article.removed"));
}

#[tokio::test]
async fn thorn_126_pending_events_are_written_or_dropped_after_a_failure() {
    let test = database().await;
    for (on_error, names) in [(OnError::Flush, vec!["a.b"]), (OnError::Discard, vec![])] {
        let failed = buffer_events_or(test.db(), on_error, async |_| {
            send(test.db(), "a.b").await?;
            Err::<(), _>(DbErr::Custom("changed my mind".to_owned()))
        });
        assert!(failed.await.unwrap_err().to_string().contains("changed my mind"));
        assert_eq!(test.names().await, names);
        test.forget().await;
    }
    // A failure that is rolled back takes the events along.
    let txn = test.db().begin().await.unwrap();
    let failed = buffer_events(&txn, async |_| {
        draft("a").insert(&txn).await?;
        Err::<(), _>(DbErr::Custom("changed my mind".to_owned()))
    });
    failed.await.unwrap_err();
    txn.rollback().await.unwrap();
    assert!(test.names().await.is_empty());
}

#[tokio::test]
async fn thorn_127_the_outermost_scope_owns_the_buffer() {
    let test = database().await;
    let (db, inserts) = counted(&test).await;
    let txn = db.begin().await.unwrap();
    buffer_events(&txn, async |outer| {
        send(&txn, "a.one").await?;
        buffer_events(&txn, async |_| send(&txn, "a.two").await).await?;
        assert_eq!((outer.pending(), inserts.load(Ordering::Relaxed)), (2, 0), "the inner end writes nothing");
        buffer_events(&txn, async |inner| {
            send(&txn, "a.three").await?;
            assert_eq!(inner.flush().await?, 3, "a flush from any level writes everything");
            Ok::<_, Error>(())
        })
        .await?;
        assert_eq!((outer.pending(), inserts.load(Ordering::Relaxed)), (0, 1));
        send(&txn, "a.four").await
    })
    .await
    .unwrap();
    txn.commit().await.unwrap();
    assert_eq!(test.names().await, ["a.one", "a.two", "a.three", "a.four"]);
}

#[tokio::test]
async fn thorn_128_a_scope_cannot_end_well_with_events_pending() {
    let test = database().await;
    buffer_events(test.db(), async |_| send(test.db(), "a.b").await).await.unwrap();
    test.break_outbox().await;
    let ended = buffer_events(test.db(), async |_| send(test.db(), "a.c").await).await;
    let Err(Error::Flush(error)) = ended else { panic!("{ended:?}") };
    assert_eq!(error.events[0].name, "a.c");
    assert!(error.to_string().contains("1 buffered events"), "{error}");
}

#[tokio::test]
async fn thorn_130_maybe_flush_goes_by_calls_or_time_both_optional() {
    let test = database().await;
    let hour = Some(Duration::from_secs(3600));
    buffer_events(test.db(), async |buffer| {
        let mut written = Vec::new();
        for _ in 0..7 {
            send(test.db(), "a.b").await?;
            written.push(buffer.maybe_flush(Some(3), hour).await?);
        }
        assert_eq!(written, [0, 0, 3, 0, 0, 3, 0]);
        assert_eq!(buffer.maybe_flush(None, None).await?, 0);
        assert_eq!(buffer.maybe_flush(None, hour).await?, 0);
        assert_eq!(buffer.maybe_flush(None, Some(Duration::ZERO)).await?, 1);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    assert_eq!(test.names().await.len(), 7);
}

#[tokio::test]
async fn thorn_131_a_failed_flush_hands_back_every_event_and_the_buffer_goes_on() {
    let test = database().await;
    let twice = Event::new("a.twice").broadcast().render(&()).unwrap();
    let handed_back = buffer_events(test.db(), async |buffer| {
        // More than one INSERT holds, and the last one fails: none may stay.
        for _ in 0..600 {
            send(test.db(), "a.b").await?;
        }
        outbox::write(test.db(), vec![twice.clone(), twice.clone()]).await?;
        let Err(Error::Flush(error)) = buffer.flush().await else { panic!("the same id twice was written") };
        assert_eq!(buffer.pending(), 0);
        send(test.db(), "a.after").await?;
        assert_eq!(buffer.flush().await?, 1);
        Ok::<_, Error>(error.events)
    })
    .await
    .unwrap();
    assert_eq!(test.names().await, ["a.after"]);
    assert_eq!((handed_back.len(), handed_back[601].id), (602, twice.id));
    outbox::write(test.db(), handed_back.into_iter().take(601).collect()).await.unwrap();
    assert_eq!(test.names().await.len(), 602);
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_132_other_tasks_and_connections_are_not_captured() {
    let test = database().await;
    buffer_events(test.db(), async |buffer| {
        let db = test.db().clone();
        tokio::spawn(async move { send(&db, "other.connection").await }).await.unwrap()?;
        // The very same connection, in another task.
        std::thread::scope(|threads| {
            let other = threads.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(send(test.db(), "other.task"))
            });
            other.join().unwrap()
        })?;
        // A transaction of its own.
        draft("a").insert(test.db()).await.map_err(Error::from)?;
        assert_eq!(buffer.pending(), 0);
        assert_eq!(test.names().await, ["other.connection", "other.task", "article.created"]);
        send(test.db(), "own").await?;
        assert_eq!(buffer.pending(), 1);
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    assert_eq!(test.names().await.len(), 4);
}

#[tokio::test]
async fn thorn_078_a_savepoint_inside_a_buffer_discards_only_its_own_events() {
    let test = database().await;
    let txn = test.db().begin().await.unwrap();
    buffer_events(&txn, async |_| {
        draft("kept").insert(&txn).await?;
        let savepoint = txn.begin().await?;
        draft("discarded").insert(&savepoint).await?;
        buffer_events(&savepoint, async |_| draft("buffered and discarded").insert(&savepoint).await).await?;
        savepoint.rollback().await?;
        draft("kept too").insert(&txn).await
    })
    .await
    .unwrap();
    txn.commit().await.unwrap();
    let titles: Vec<_> = test.written().await.iter().map(|event| event.body["data"]["title"].clone()).collect();
    assert_eq!(titles, ["kept", "kept too"]);
    assert_eq!(test.count("article").await, 2);
}

#[tokio::test]
async fn thorn_126_a_transaction_of_thorn_s_has_one_insert_for_its_events() {
    let test = database().await;
    let (db, inserts) = counted(&test).await;
    let thorn = Thorn::builder(db.clone()).build().await.unwrap();
    let saved = thorn.transaction(async |txn| {
        for n in 0..100 {
            draft(&n.to_string()).insert(txn).await?;
        }
        Ok::<_, DbErr>(inserts.load(Ordering::Relaxed))
    });
    assert_eq!((saved.await.unwrap(), inserts.load(Ordering::Relaxed)), (0, 1));
    let titles: Vec<_> = test.written().await.iter().map(|event| event.body["data"]["title"].clone()).collect();
    assert_eq!(titles, (0..100).map(|n| n.to_string()).collect::<Vec<_>>());

    test.forget().await;
    let changed_my_mind = thorn.transaction(async |txn| {
        draft("a").insert(txn).await?;
        Err::<(), _>(DbErr::Custom("changed my mind".to_owned()))
    });
    assert!(changed_my_mind.await.unwrap_err().to_string().contains("changed my mind"));
    assert_eq!((test.names().await.len(), test.count("article").await), (0, 100));

    // An event that can't be written takes the row along.
    test.break_outbox().await;
    let broken = thorn.transaction(async |txn| Ok(draft("a").insert(txn).await?)).await;
    assert!(matches!(&broken, Err(Error::Flush(error)) if error.events.len() == 1), "{broken:?}");
    assert_eq!(test.count("article").await, 100);
}

#[tokio::test]
async fn a_scope_that_is_dropped_midway_leaves_nothing_behind() {
    let test = database().await;
    {
        let scope = buffer_events(test.db(), async |_| {
            send(test.db(), "a.lost").await?;
            std::future::pending::<Result<(), Error>>().await
        });
        let mut scope = std::pin::pin!(scope);
        assert!(futures::poll!(scope.as_mut()).is_pending());
    }
    send(test.db(), "a.b").await.unwrap();
    assert_eq!(test.names().await, ["a.b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_can_be_a_task() {
    let test = database().await;
    let db = test.db().clone();
    tokio::spawn(async move {
        let txn = db.begin().await?;
        let names = ["a", "b"].map(str::to_owned);
        buffer_events(&txn, async |buffer| {
            for name in &names {
                draft(name).insert(&txn).await?;
                buffer.maybe_flush(Some(1), None).await?;
            }
            Ok::<_, DbErr>(())
        })
        .await?;
        txn.commit().await
    })
    .await
    .unwrap()
    .unwrap();
    assert_eq!(test.names().await.len(), 2);
}
