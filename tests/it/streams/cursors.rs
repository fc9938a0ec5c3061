//! Cursors that come back: to the same log, to a later one, and to another.

use std::time::Duration;

use sea_orm::{ConnectionTrait as _, TransactionTrait as _};
use serde_json::{Value, json};
use thorn::{
    Config, Event, outbox,
    stream::{Start, Step},
};

use super::{Server, config, id_of, next, order::insert, reader, record};
use crate::{
    app::{self, TestApp},
    process::{self, WorkerProcess},
};

/// The cursors of the first events of the log.
async fn cursors(server: &Server, events: usize) -> Vec<String> {
    let polled = server.poll(&format!("topic=*&after=earliest&limit={events}")).await;
    let cursors = polled["events"].as_array().unwrap().iter();
    cursors.map(|event| event["cursor"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn st3_a_stream_begins_after_the_cursor_and_goes_on_live_without_a_gap() {
    let server = Server::new().await;
    let ids = server.app.send_many(450).await;
    server.numbered(450).await;
    let cursors = cursors(&server, 3).await;
    let request = server.stream("root", &format!("topic=a.*&after={}", cursors[0]));
    let mut stream = request.header("accept", "text/event-stream").header("last-event-id", &cursors[2]).open().await;
    assert_eq!(stream.header("thorn-cursor"), cursors[2], "the browser's id wins");
    let writing = server.app.send_many(300);
    let reading = async {
        let mut read = Vec::new();
        for _ in 0..747 {
            read.push(id_of(&stream.record().await));
        }
        read
    };
    let (later, read) = tokio::join!(writing, reading);
    assert_eq!(read, [&ids[3..], &later[..]].concat());
    let mut live = server.sse("topic=*").await;
    let last = server.send("a.b", &json!(1)).await;
    assert_eq!(id_of(&live.record().await), last, "without a cursor a stream begins now");
}

/// A reader may find an event on its page before the tail of its process has come to it.
#[tokio::test(flavor = "multi_thread")]
async fn st8_a_cursor_never_moves_back_though_the_tail_is_behind_the_reader() {
    let server = Server::new().await;
    let streams = server.app.thorn.streams().unwrap();
    for events in 1..=60 {
        let before = streams.end().await.unwrap();
        server.send("a.b", &json!(events)).await;
        // No pause: the sequencer is ahead of the tail for a moment only.
        while streams.end().await.unwrap() == before {}
        let mut reader = reader(&server.app.thorn, Start::After(before)).await;
        let frame = next(&mut reader).await;
        assert_eq!(reader.cursor(), frame.cursor(), "after event {events}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn br11_ten_back_of_a_hundred_thousand_are_ten_and_fast() {
    let server = Server::new().await;
    let data = json!("x");
    for _ in 0..100 {
        let events = (0..1_000).map(|_| Event::new("a.b").broadcast().render(&data).unwrap());
        outbox::write(server.app.db(), events.collect()).await.unwrap();
    }
    server.numbered(100_000).await;
    let latest = server.poll("topic=*&count=11").await;
    let latest = latest["events"].as_array().unwrap();
    assert_eq!(latest.len(), 11);
    let cursor = latest[0]["cursor"].as_str().unwrap();
    let (took, after) = server.quickest(&format!("topic=*&after={cursor}")).await;
    assert_eq!(after["events"].as_array().unwrap()[..], latest[1..]);
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn or5_st6_br14_a_cursor_of_another_log_is_410_or_a_gap_and_live_goes_on() {
    let server = Server::new().await;
    let first = server.send("a.b", &json!(1)).await;
    server.numbered(1).await;
    let good = cursors(&server, 1).await.remove(0);
    // Another event at this position; a position that is still to come, as after a restored backup; no cursor at all.
    let forged = format!("1-{}", if good.ends_with("00000000") { "00000001" } else { "00000000" });
    for after in [forged.as_str(), "7-0123abcd", "0-0123abcd"] {
        for accept in ["application/json", "application/x-ndjson"] {
            let request = server.stream("root", &format!("topic=*&after={after}")).header("accept", accept);
            let answer = request.answer().await;
            assert_eq!(answer.status, 410, "{after}: {answer:?}");
            let problem = answer.json();
            let earliest = problem["earliest"].as_str().unwrap();
            let again = server.poll(&format!("topic=*&after={earliest}")).await;
            assert_eq!(id_of(&again["events"][0]), first);
        }
    }
    for id in [forged.as_str(), "7-0123abcd", "urn:uuid:of-something-else"] {
        let request = server.stream("root", "topic=*").header("accept", "text/event-stream");
        let mut stream = request.header("last-event-id", id).open().await;
        assert_eq!(stream.status, 200, "a browser never comes back from 410");
        let gap = stream.event().await.unwrap();
        assert_eq!((gap.id, gap.event.as_deref()), (None, Some("thorn.gap")));
        let gap: Value = serde_json::from_str(&gap.data).unwrap();
        assert_eq!(gap["earliest"], stream.header("thorn-cursor"));
        assert_eq!(id_of(&stream.record().await), first);
        let live = server.send("a.live", &json!(2)).await;
        while id_of(&stream.record().await) != live {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn br14_a_stream_that_is_open_while_a_backup_is_restored_learns_of_it() {
    let server = Server::new().await;
    server.app.send_many(3).await;
    server.numbered(3).await;
    let mut stream = server.sse("topic=*&after=earliest").await;
    for _ in 0..3 {
        stream.record().await;
    }
    // Yesterday's database had one event.
    let restore = server.app.db().begin().await.unwrap();
    for sql in ["DELETE FROM thorn_event WHERE position > 1", "UPDATE thorn_log SET last_position = 1"] {
        restore.execute_unprepared(sql).await.unwrap();
    }
    restore.commit().await.unwrap();
    let gap = tokio::time::timeout(crate::app::PATIENCE, stream.event()).await.unwrap().unwrap();
    assert_eq!(gap.event.as_deref(), Some("thorn.gap"));
    stream.record().await;
    let live = server.send("a.live", &json!(2)).await;
    assert_eq!(id_of(&stream.record().await), live);
}

#[tokio::test(flavor = "multi_thread")]
async fn br14_a_reader_that_is_ahead_of_the_tail_learns_of_a_restored_backup_too() {
    let app = TestApp::with(app::config()).await;
    let mut numbering = WorkerProcess::spawn(process::command(&app.url).env("THORN_EVENT_LOG", "true"));
    // In this process nobody looks for new events without being told of them.
    let late = app.sibling(Config { poll_interval: Duration::from_secs(3_600), ..config() }).await;
    for number in 0..3 {
        let event = Event::new("a.b").broadcast().render(&number).unwrap();
        app.execute(&insert(app.db().get_database_backend(), &event)).await;
    }
    app::eventually("numbered events", || async {
        let numbered = app.count("thorn_event WHERE position > 0").await;
        if numbered == 3 { Ok(()) } else { Err(numbered.to_string()) }
    })
    .await;
    numbering.kill();
    let mut reader = reader(&late, Start::Earliest).await;
    for _ in 0..3 {
        next(&mut reader).await;
    }
    assert!(matches!(reader.step().await.unwrap(), Step::CaughtUp));
    for sql in ["DELETE FROM thorn_event WHERE position > 1", "UPDATE thorn_log SET last_position = 1"] {
        app.execute(sql).await;
    }
    let live = Event::new("a.live").broadcast().send(late.db(), &2).await.unwrap();
    let gap = tokio::time::timeout(app::PATIENCE, reader.step()).await.expect("a gap in time").unwrap();
    assert!(matches!(gap, Step::Gap(_)), "{gap:?}");
    while id_of(&record(&*next(&mut reader).await)) != live {}
}
