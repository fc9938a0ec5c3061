//! Retention and the log.

use std::time::Duration;

use serde_json::json;
use thorn::{
    Config,
    stream::{Selection, Start},
    subscription::Access,
};

use super::{Server, config, id_of, next, position_of, reader};
use crate::app::{self, TestApp};

/// Runs a worker that keeps nothing until so many events are left.
async fn forget_until(app: &TestApp, left: i64) {
    let forgetful = app.sibling(Config { keep: Some(Duration::ZERO), ..app::config() }).await;
    let worker = forgetful.start_worker().await.unwrap();
    app::eventually("retention", || async {
        let events = app.count("thorn_event").await;
        if events == left { Ok(()) } else { Err(events.to_string()) }
    })
    .await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn or6_a_cursor_before_a_deleted_event_is_gone_and_one_right_behind_it_is_good() {
    let server = Server::new().await;
    server.app.send_many(3).await;
    server.numbered(3).await;
    let polled = server.poll("topic=*&after=earliest").await;
    let cursors: Vec<String> =
        polled["events"].as_array().unwrap().iter().map(|one| one["cursor"].as_str().unwrap().to_owned()).collect();
    forget_until(&server.app, 0).await;
    assert_eq!(server.app.numbers("SELECT complete_from FROM thorn_log").await, [4]);
    let later = server.send("a.b", &json!(1)).await;
    server.numbered(1).await;
    let behind = server.poll(&format!("topic=*&after={}", cursors[2])).await;
    assert_eq!(behind["events"].as_array().unwrap().iter().map(id_of).collect::<Vec<_>>(), [later]);
    let gone = server.stream("root", &format!("topic=*&after={}&wait=0", cursors[1])).answer().await;
    assert_eq!(gone.status, 410);
    assert_eq!(gone.json()["earliest"], cursors[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn or6_an_event_that_is_deleted_before_it_has_a_position_leaves_a_gap() {
    let app = TestApp::with(app::config()).await;
    let numbering = app.sibling(config()).await;
    app.send_many(1).await;
    let cursor = next(&mut reader(&numbering, Start::Earliest).await).await.cursor();
    drop(numbering);
    app::eventually("no process numbers events any more", || async {
        app.send_many(1).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        let unnumbered = app.count("thorn_event WHERE position IS NULL").await;
        if unnumbered > 0 { Ok(()) } else { Err("each is numbered".to_owned()) }
    })
    .await;
    forget_until(&app, 0).await;
    let thorn = app.sibling(config()).await;
    let all = Selection::new(Access::Operator, ["*".parse().unwrap()]);
    let started = thorn.streams().unwrap().open(all, Start::After(cursor)).await.unwrap();
    assert!(started.has_gap, "the reader learns that events are missing");
    let mut reader = started.reader;
    app.send_many(1).await;
    let frame = next(&mut reader).await;
    let place = position_of(&started.cursor.to_string());
    assert_eq!(position_of(&frame.cursor().to_string()), place + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn or6_events_that_no_subscription_matches_are_kept_like_others_while_the_log_is_on() {
    let audit_after = Duration::from_millis(200);
    let app = TestApp::with(Config { audit_after, ..app::config() }).await;
    let day: i64 = 24 * 60 * 60 * 1_000;
    let age = format!("UPDATE thorn_event SET created_at = created_at - {}", 2 * day);
    // A UUIDv7 of the past, which retention looks for.
    let old = "00000000-0000-7000-8000-00000000000";
    let backend = app.db().get_database_backend();
    let literal = |digit: u8| app::literal(backend, format!("{old}{digit}").parse().unwrap());
    app.send_many(1).await;
    app.execute(&format!("UPDATE thorn_event SET id = {}", literal(1))).await;
    app.execute(&age).await;
    let worker = app.worker().await;
    app::eventually("a control: without the log it goes after a day", || async {
        let left = app.count("thorn_event").await;
        if left == 0 { Ok(()) } else { Err(left.to_string()) }
    })
    .await;
    worker.stop().await.unwrap();

    let thorn = app.sibling(Config { audit_after, ..config() }).await;
    app.send_many(1).await;
    app.execute(&format!("UPDATE thorn_event SET id = {}", literal(2))).await;
    app.execute(&age).await;
    let worker = thorn.start_worker().await.unwrap();
    app.relayed().await;
    // An older event that is to go shows that retention has run since.
    app.send_many(1).await;
    let (month, kept, older) = (40 * day, literal(2), literal(3));
    let sql = format!("UPDATE thorn_event SET created_at = created_at - {month}, id = {older} WHERE id <> {kept}");
    app.execute(&sql).await;
    app::eventually("the event of a month ago goes", || async {
        let left = app.count("thorn_event").await;
        if left == 1 { Ok(()) } else { Err(left.to_string()) }
    })
    .await;
    assert_eq!(app.count(&format!("thorn_event WHERE id = {}", literal(2))).await, 1);
    worker.stop().await.unwrap();
}
