//! Writing raw events: both rows commit together, and what can't be sent is refused.

use sea_orm::TransactionTrait as _;
use thorn::{Config, Error, outbox::buffer_events};

use super::{event, raw};
use crate::{
    alone::alone,
    app::{self, TestApp},
};

async fn rows(app: &TestApp) -> (i64, i64) {
    (app.count("thorn_event").await, app.count("thorn_payload").await)
}

#[tokio::test]
async fn an_event_and_its_payload_commit_together_or_not_at_all() {
    let app = TestApp::new().await;
    let txn = app.db().begin().await.unwrap();
    event("a.b").send_raw(&txn, raw("", "x")).await.unwrap();
    txn.rollback().await.unwrap();
    assert_eq!(rows(&app).await, (0, 0));
    event("a.b").send_raw(app.db(), raw("", "x")).await.unwrap();
    assert_eq!(rows(&app).await, (1, 1));
    // The pool commits each statement, so a failure of the second must undo the first.
    app.break_outbox().await;
    event("a.b").send_raw(app.db(), raw("", "x")).await.unwrap_err();
    assert_eq!(app.count("thorn_payload").await, 1);
}

#[tokio::test]
async fn buffered_raw_events_are_written_by_the_flush() {
    let app = TestApp::new().await;
    let txn = app.db().begin().await.unwrap();
    let work = buffer_events(&txn, async |buffer| {
        for n in 0..3_u8 {
            event("a.b").send_raw(&txn, raw("", vec![n])).await?;
            event("a.c").send(&txn, &n).await?;
        }
        assert_eq!(buffer.pending(), 6);
        Ok::<_, Error>(())
    });
    work.await.unwrap();
    txn.commit().await.unwrap();
    assert_eq!(rows(&app).await, (6, 3));
    let types = app.count("thorn_event WHERE media_type = ''").await;
    assert_eq!((types, app.count("thorn_event WHERE media_type IS NULL").await), (3, 3));
}

#[tokio::test]
async fn what_cant_be_sent_is_refused_and_nothing_is_written() {
    alone!(what_cant_be_sent_is_refused_and_nothing_is_written);
    let app = TestApp::with(Config { max_payload_bytes: 10, ..app::config() }).await;
    let send = |media_type: &str, bytes: &'static [u8]| event("a.b").send_raw(app.db(), raw(media_type, bytes));
    let large = send("x/y", b"01234567890").await.unwrap_err();
    assert!(matches!(large, Error::PayloadTooLarge { size: 11, limit: 10, .. }), "{large}");
    for bad in ["x/y\r\nX-A: b", "ü", &"x".repeat(256)] {
        let error = send(bad, b"").await.unwrap_err();
        assert!(matches!(error, Error::Header(_)), "{error}");
    }
    let with_data = event("a.b").request_data(serde_json::json!({ "tenant": "blue" }));
    assert!(matches!(with_data.send_raw(app.db(), raw("", "")).await, Err(Error::Option(_))));
    assert!(matches!(event("a..b").send_raw(app.db(), raw("", "")).await, Err(Error::EventName(_))));
    assert_eq!(rows(&app).await, (0, 0));
    send("x/y", b"0123456789").await.unwrap();
    assert_eq!(rows(&app).await, (1, 1));
}
