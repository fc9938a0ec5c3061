//! Bytes and headers of a raw delivery, whatever the queue.

use sea_orm::TransactionTrait as _;
use thorn::{
    Config,
    signing::{Digest, Secret, hook_hmac, verify_standard},
    subscription::{ContentType, NewSubscription, Subscriber},
    timestamp::Timestamp,
};

use super::{event, of, raw};
use crate::{
    app::{self, PATIENCE, TestApp},
    queue::place::{Place, Placed},
};

const SECRET: &str = "s3cr3t-s3cr3t-s3cr3t-s3cr3t";

macro_rules! on_each_queue {
    ($($place:ident as $name:ident),*) => {
        $(mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn every_byte_arrives_as_it_was_given() {
                super::every_byte_arrives_as_it_was_given(crate::queue::place::Place::$place).await;
            }
        })*
    };
}

on_each_queue!(Sqlite as sqlite, Postgres as postgres, Redis as redis, Memory as memory);

/// Bodies that something on the way might change, each with its media type.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let all_bytes = || (0..=u8::MAX).collect::<Vec<_>>();
    let mebibyte: Vec<u8> = (0..1024 * 1024_u32).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    vec![
        ("", Vec::new()),
        ("text/plain", Vec::new()),
        ("application/octet-stream", all_bytes()),
        ("", b"\0".to_vec()),
        ("text/plain; charset=UTF-8", b"\xff\xfe no UTF-8 \xc3".to_vec()),
        ("application/json", b"{ \"a\":1.10,\r\n\t\"a\" : \"\\u00e9\" }\n".to_vec()),
        ("application/x-www-form-urlencoded", b"a=1&b=+%2B%20%zz&&=;&a=3".to_vec()),
        ("MultiPart/Form-Data; boundary=\"a b\"", b"--a b\r\n\r\nx\r\n--a b--".to_vec()),
        ("image/png", mebibyte),
    ]
}

/// A subscription's `content_type` means nothing to a raw event. An enveloped event beside it is the control.
async fn every_byte_arrives_as_it_was_given(place: Place) {
    if place == Place::Sqlite && !app::sees_tasks() {
        return;
    }
    let Some(placed) = Placed::new(place, app::config()).await else { return };
    let app = &placed.app;
    let receiver = app.receiver().await;
    let form = NewSubscription::new("raw.*", receiver.url("/")).secret(SECRET).content_type(ContentType::Form);
    app.thorn.subscriptions().create(form).await.unwrap();
    let worker = app.worker().await;
    let txn = app.db().begin().await.unwrap();
    for (n, (media_type, bytes)) in bodies().into_iter().enumerate() {
        event(&format!("raw.{n}")).send_raw(&txn, raw(media_type, bytes)).await.unwrap();
    }
    event("raw.control").send(&txn, &1).await.unwrap();
    txn.commit().await.unwrap();
    let received = receiver.wait_for(bodies().len() + 1, PATIENCE).await.unwrap();
    app.settled().await;

    for (n, (media_type, bytes)) in bodies().into_iter().enumerate() {
        let requests = of(&received, &format!("raw.{n}"));
        let [request] = requests[..] else { panic!("{n}: {} requests", requests.len()) };
        assert!(request.body == bytes, "{n}: {} bytes of {}", request.body.len(), bytes.len());
        assert_eq!(request.header("content-type"), media_type, "{n}");
        assert_eq!(request.headers.contains_key("content-type"), !media_type.is_empty(), "{n}");
        assert_eq!(request.header("content-length"), bytes.len().to_string(), "{n}");
        assert_eq!(request.header("hook-hmac"), hook_hmac(Digest::Sha256, &Secret::new(SECRET), &bytes), "{n}");
        let [id, time, signature] =
            ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| request.header(name));
        let tolerance = std::time::Duration::from_secs(300);
        verify_standard(&Secret::new(SECRET), id, time, signature, &bytes, Timestamp::now(), tolerance).unwrap();
    }
    let control = of(&received, "raw.control");
    assert_eq!(std::str::from_utf8(&control[0].body).unwrap(), "event=raw.control&ref=&sender=&data=1");
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn name_reference_and_sender_are_in_headers_only() {
    let (app, receiver, subscription, worker) = TestApp::delivering("naïve.*").await;
    let sent = event("naïve.1%").sender("jürgen").reference("/ä/1").send_raw(app.db(), raw("text/plain", "x"));
    let id = sent.await.unwrap();
    event("naïve.none").send_raw(app.db(), raw("text/plain", "x")).await.unwrap();
    let received = receiver.wait_for(2, PATIENCE).await.unwrap();
    let request = of(&received, "na%C3%AFve.1%25")[0];
    assert_eq!(request.body, b"x");
    assert_eq!((request.header("hook-ref"), request.header("hook-sender")), ("/%C3%A4/1", "j%C3%BCrgen"));
    assert_eq!(request.header("hook-event-id"), id.to_string());
    assert_eq!(request.header("hook-subscription"), subscription.id.to_string());
    let other = of(&received, "na%C3%AFve.none")[0];
    assert!(!other.headers.contains_key("hook-ref") && !other.headers.contains_key("hook-sender"), "{other:?}");
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queue_carries_no_raw_bytes() {
    if !app::sees_tasks() {
        return;
    }
    let (app, receiver, _, worker) = TestApp::delivering("a.b").await;
    app.watch_tasks().await;
    event("a.b").send_raw(app.db(), raw("text/needle-7f3a", "hay-needle-7f3a")).await.unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    app.settled().await;
    let tasks = app.seen_chunks().await;
    let [task] = &tasks[..] else { panic!("{tasks:?}") };
    assert_eq!((&task["v"], &task["of_events"]["0"]["raw"]), (&5.into(), &true.into()), "{task}");
    assert!(task.to_string().contains("a.b") && !task.to_string().contains("7f3a"), "{task}");
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_claim_reads_no_payload() {
    let (app, receiver, _, worker) = TestApp::delivering("a.b").await;
    let txn = app.db().begin().await.unwrap();
    event("a.b").send_raw(&txn, raw("text/plain", "x")).await.unwrap();
    txn.commit().await.unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    app.settled().await;
    worker.stop().await.unwrap();

    event("a.b").send_raw(app.db(), raw("text/plain", "y")).await.unwrap();
    event("a.b").send(app.db(), &1).await.unwrap();
    app.execute("ALTER TABLE thorn_payload RENAME TO hidden").await;
    let worker = app.worker().await;
    // The claim succeeds without the table, and the executor waits for it.
    app.relayed().await;
    app.execute("ALTER TABLE hidden RENAME TO thorn_payload").await;
    let received = receiver.wait_for(3, PATIENCE).await.unwrap();
    assert!(received.iter().any(|request| request.body == b"y"), "{received:?}");
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn own_subscribers_get_the_bytes_each_with_its_own_secret_or_none() {
    crate::alone::alone!(own_subscribers_get_the_bytes_each_with_its_own_secret_or_none);
    let key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    let app = TestApp::with(Config { secret_key: Some(key.parse().unwrap()), ..app::config() }).await;
    let receiver = app.receiver().await;
    let signed = Subscriber::signed(receiver.url("/signed"), SECRET).unwrap();
    let form = Subscriber::unsigned(receiver.url("/unsigned")).unwrap().content_type(ContentType::Form);
    let worker = app.worker().await;
    let bytes = b"\xff\0bytes".as_slice();
    event("a.b").to_all([signed, form]).send_raw(app.db(), raw("x/y", bytes)).await.unwrap();
    let received = receiver.wait_for(2, PATIENCE).await.unwrap();
    let at = |path: &str| received.iter().find(|request| request.path == path).unwrap();
    let (signed, unsigned) = (at("/signed"), at("/unsigned"));
    assert_eq!((&*signed.body, &*unsigned.body), (bytes, bytes));
    assert_eq!((signed.header("content-type"), unsigned.header("content-type")), ("x/y", "x/y"));
    assert_eq!(signed.header("hook-hmac"), hook_hmac(Digest::Sha256, &Secret::new(SECRET), bytes));
    assert!(signed.header("webhook-signature").starts_with("v1,"));
    assert!(!unsigned.headers.contains_key("hook-hmac") && !unsigned.headers.contains_key("webhook-signature"));
    let options = app.text("SELECT options AS text FROM thorn_event").await.remove(0);
    assert!(options.contains("enc1:") && !options.contains(SECRET), "{options}");
    worker.stop().await.unwrap();
}
