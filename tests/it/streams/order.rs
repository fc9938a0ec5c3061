//! The order of the log: positions are given after the commit.

use std::time::{Duration, Instant};

use sea_orm::{ConnectionTrait, DbBackend, TransactionTrait};
use serde_json::json;
use thorn::{Config, Event, Thorn, event::RenderedEvent, outbox, stream::Start};

use super::{Server, config, id_of, next, position_of, reader, record};
use crate::app::{PATIENCE, TestApp, literal};

/// The INSERT of an event to everybody, without the column of the log.
pub(super) fn insert(backend: DbBackend, event: &RenderedEvent) -> String {
    let id = literal(backend, event.id.as_uuid());
    let broadcast = if backend == DbBackend::Postgres { "TRUE" } else { "1" };
    let (name, body, time) = (&event.name, &event.body, event.created_at.as_millis());
    format!(
        "INSERT INTO thorn_event (id, name, broadcast, body, created_at) VALUES ({id}, '{name}', {broadcast}, '{body}', {time})"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn or2_or9_br19_an_event_that_commits_late_comes_with_a_higher_position_and_is_not_skipped() {
    let server = Server::new().await;
    let mut reader = reader(&server.app.thorn, Start::Now).await;
    let early = Event::new("a.early").broadcast().render(&1).unwrap();
    let id = early.id;
    let late = if server.app.db().get_database_backend() == DbBackend::Sqlite {
        // SQLite lets nobody else write while a transaction has written. Only the id is early here.
        let second = server.send("a.second", &json!(2)).await;
        assert!(id.as_uuid() < second.as_uuid());
        assert_eq!(id_of(&record(&*next(&mut reader).await)), second);
        outbox::write(server.app.db(), vec![early]).await.unwrap();
        next(&mut reader).await
    } else {
        let open = server.app.db().begin().await.unwrap();
        outbox::write(&open, vec![early]).await.unwrap();
        let second = server.send("a.second", &json!(2)).await;
        assert!(id.as_uuid() < second.as_uuid());
        assert_eq!(id_of(&record(&*next(&mut reader).await)), second, "an open transaction holds up nobody");
        open.commit().await.unwrap();
        next(&mut reader).await
    };
    assert_eq!(id_of(&record(&late)), id);
    assert_eq!(late.cursor().to_string().split_once('-').unwrap().0, "2");
    let rolled_back = server.app.db().begin().await.unwrap();
    Event::new("a.rolled_back").broadcast().send(&rolled_back, &3).await.unwrap();
    rolled_back.rollback().await.unwrap();
    let last = server.send("a.last", &json!(4)).await;
    let frame = next(&mut reader).await;
    assert_eq!(id_of(&record(&frame)), last);
    assert_eq!(position_of(&frame.cursor().to_string()), 3, "a rollback leaves no gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn or1_events_are_numbered_though_nobody_relays_them_and_relayed_though_nobody_numbers_them() {
    let app = TestApp::with(crate::app::config()).await;
    let numbering = app.sibling(config()).await;
    let mut reader = reader(&numbering, Start::Earliest).await;
    // No worker runs, one event waits for a dispatcher that nobody has, and another is held by a process that has died.
    app.send_many(3).await;
    for waits in ["dispatcher = 'nobody'", "relayed_at = 1, audit_at = 9000000000000"] {
        let event = Event::new("a.b").broadcast().render(&1).unwrap();
        let txn = app.db().begin().await.unwrap();
        let id = literal(txn.get_database_backend(), event.id.as_uuid());
        outbox::write(&txn, vec![event]).await.unwrap();
        txn.execute_unprepared(&format!("UPDATE thorn_event SET {waits} WHERE id = {id}")).await.unwrap();
        txn.commit().await.unwrap();
    }
    for position in 1..=5 {
        assert_eq!(position_of(&next(&mut reader).await.cursor().to_string()), position);
    }
    drop((numbering, reader));
    crate::app::eventually("no process numbers events any more", async || {
        app.send_many(1).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let unnumbered = app.count("thorn_event WHERE position IS NULL").await;
        if unnumbered > 0 { Ok(()) } else { Err("each is numbered".to_owned()) }
    })
    .await;
    let receiver = app.receiver().await;
    let subscription = app.subscribe("a.late", &receiver.url("/")).await;
    let _worker = app.worker().await;
    Event::new("a.late").broadcast().send(app.db(), &1).await.unwrap();
    app.deliveries(&subscription, crate::app::is_delivered).await;
    assert_eq!(app.count("thorn_event WHERE name = 'a.late' AND position IS NULL").await, 1, "a claim numbers nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn or2_relays_and_sequencers_at_once_deliver_and_number_each_event() {
    const EVENTS: usize = 240;
    let server = Server::new().await;
    let app = &server.app;
    let receiver = app.receiver().await;
    app.subscribe("a.*", &receiver.url("/")).await;
    let other = app.sibling(config()).await;
    let _workers = (app.worker().await, other.start_worker().await.unwrap());
    let writing = (0..4).map(|_| {
        let db = app.db().clone();
        tokio::spawn(async move {
            for number in 0..EVENTS / 4 {
                Event::new("a.b").broadcast().send(&db, &number).await.unwrap();
            }
        })
    });
    for writer in writing.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(receiver.wait_for(EVENTS, PATIENCE).await.unwrap().len(), EVENTS);
    server.numbered(EVENTS as i64).await;
    let positions = app.numbers("SELECT position FROM thorn_event ORDER BY position").await;
    assert_eq!(positions, (1..=EVENTS as i64).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn or3_rows_from_before_are_not_in_the_log_and_events_of_an_older_release_are() {
    let app = TestApp::with(crate::app::config()).await;
    app.send_many(30).await;
    let thorn = app.sibling(config()).await;
    let mut reader = reader(&thorn, Start::Earliest).await;
    assert_eq!(app.count("thorn_event WHERE position = 0").await, 30);
    // As an older release writes: without the column.
    let event = Event::new("old.release").broadcast().render(&1).unwrap();
    app.execute(&insert(app.db().get_database_backend(), &event)).await;
    let frame = next(&mut reader).await;
    assert_eq!((id_of(&record(&frame)), position_of(&frame.cursor().to_string())), (event.id, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn or7_or8_events_of_one_transaction_come_in_the_order_written() {
    let server = Server::new().await;
    let mut reader = reader(&server.app.thorn, Start::Now).await;
    let ids = server.app.send_many(2_500).await;
    let mut read = Vec::new();
    for position in 1..=2_500 {
        let frame = next(&mut reader).await;
        assert_eq!(position_of(&frame.cursor().to_string()), position, "positions are dense");
        read.push(id_of(&record(&frame)));
    }
    assert_eq!(read, ids);
}

#[tokio::test(flavor = "multi_thread")]
async fn st16_an_event_of_another_process_is_on_the_stream_in_time() {
    const EVENTS: usize = 20;
    let poll_interval = Duration::from_millis(100);
    let server = Server::with(Config { poll_interval, ..config() }).await;
    let mut reader = reader(&server.app.thorn, Start::Now).await;
    let backend = server.app.db().get_database_backend();
    let mut times = Vec::new();
    for _ in 0..EVENTS {
        let event = Event::new("a.b").broadcast().render(&1).unwrap();
        let sql = insert(backend, &event);
        // As another process writes it: this one isn't told, except by PostgreSQL.
        let sql = match backend {
            DbBackend::Postgres => format!("{sql}; NOTIFY thorn_event"),
            _ => sql,
        };
        server.app.execute(&sql).await;
        let committed = Instant::now();
        assert_eq!(id_of(&record(&*next(&mut reader).await)), event.id);
        times.push(committed.elapsed());
    }
    times.sort_unstable();
    // The reference's 50 ms and 250 ms, and as much again. Other tests on the machine make most of the events late.
    let most = Duration::from_millis(if backend == DbBackend::Postgres { 100 } else { 500 });
    assert!(times[EVENTS / 5] <= most, "{times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_off_unless_somebody_asks_for_it() {
    let app = TestApp::new().await;
    let error = app.thorn.streams().unwrap_err().to_string();
    assert!(error.contains(".event_log(true)"), "{error}");
    app.send_many(1).await;
    assert_eq!(app.count("thorn_log").await, 0);
    // Any number of processes may ask for it at once.
    let asking = (0..4).map(|_| tokio::spawn(Thorn::builder(app.db().clone()).config(config()).build()));
    for asked in asking.collect::<Vec<_>>() {
        asked.await.unwrap().unwrap();
    }
    assert_eq!(app.count("thorn_log").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn or4_br20_a_hole_of_a_million_positions_costs_nothing() {
    let server = Server::new().await;
    let first = server.send("a.b", &json!(1)).await;
    server.numbered(1).await;
    server.app.execute("UPDATE thorn_log SET last_position = 1000000").await;
    let second = server.send("a.b", &json!(2)).await;
    server.numbered(2).await;
    let (took, polled) = server.quickest("topic=*&after=earliest").await;
    let events = polled["events"].as_array().unwrap();
    assert_eq!(events.iter().map(id_of).collect::<Vec<_>>(), [first, second]);
    assert_eq!(position_of(events[1]["cursor"].as_str().unwrap()), 1_000_001);
    assert!(took < Duration::from_secs(1), "{took:?}");
}
