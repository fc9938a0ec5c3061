//! A worker that may have few files and connections open.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
#[cfg(unix)]
use serde_json::json;
#[cfg(unix)]
use thorn::Thorn;
use thorn::{
    Config, Event,
    subscription::{NewSubscription, Subscriptions},
};
#[cfg(unix)]
use thorn_core::testing::Receiver;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{HOUR, Hole};
#[cfg(unix)]
use crate::engine::server::Server;
use crate::{
    app::{self, PATIENCE, TestApp, eventually},
    process::{self, WorkerProcess},
};

/// The limit of descriptors. A worker makes half as many requests at once, three quarters of which may hang.
const LIMIT: usize = 256;

const HANGING: usize = LIMIT / 2 * 3 / 4;

/// Places among these that are reserved for owners who have few requests under way.
const RESERVED: usize = 10;

const OWNERS: usize = 8;

const ENDPOINTS: usize = 50;

/// The worker, with this limit.
fn limited(app: &TestApp, soft: usize, hard: usize) -> Command {
    process::limited(&process::command(&app.url), soft, hard)
}

/// Subscribes many endpoints of several owners, all of which hang.
async fn many_that_hang(subscriptions: &Subscriptions, hole: &Hole) {
    stream::iter(0..OWNERS * ENDPOINTS)
        .map(|n| {
            let url = format!("http://127.0.1.{}:{}/{n}", 1 + n % 40, hole.port);
            subscriptions.create(NewSubscription::new("theirs", url).owner(format!("owner {}", n % OWNERS)))
        })
        .buffer_unordered(4)
        .try_for_each(|_| async { Ok(()) })
        .await
        .unwrap();
}

/// Waits until as many requests hang as a process with the [`LIMIT`] makes.
async fn as_many_hang_as_may(hole: &Hole) {
    eventually("as many requests that hang as may", || async {
        let open = hole.open();
        if open >= HANGING - RESERVED { Ok(()) } else { Err(format!("{open} of {HANGING} hang")) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_hang_never_use_up_the_descriptors() {
    let unbounded = Config { max_subscriptions: None, max_subscriptions_per_host: None, ..app::config() };
    let app = TestApp::with(Config { timeout: HOUR, ..unbounded }).await;
    let (hole, healthy) = (Hole::dig().await, app.receiver().await);
    let subscriptions = app.thorn.subscriptions();
    many_that_hang(subscriptions, &hole).await;
    let bobs = NewSubscription::new("his", healthy.url("/")).owner("bob");
    let bobs = subscriptions.create(bobs).await.unwrap();
    let _worker = WorkerProcess::spawn(limited(&app, LIMIT, LIMIT).env("THORN_EVENT_TIMEOUT", "3600"));
    Event::new("theirs").broadcast().send(app.db(), &0).await.unwrap();
    as_many_hang_as_may(&hole).await;
    // The worker has never sent anything to bob's endpoint, so it may be one that hangs, too.
    for n in 1..=20_usize {
        Event::new("his").sender("bob").send(app.db(), &n).await.unwrap();
        healthy.wait_for(n, PATIENCE).await.unwrap();
    }
    app.deliveries(&bobs, app::all_delivered(20)).await;
    assert!((HANGING - RESERVED..=HANGING).contains(&hole.open()), "{} hang", hole.open());
    let failed = app.text("SELECT error AS text FROM thorn_delivery WHERE attempts > 0 AND state <> 'delivered'").await;
    assert_eq!(failed, Vec::<String>::new(), "a request found no descriptor");
    app.ignore_the_rest();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn the_api_of_a_server_whose_requests_hang_answers_and_its_events_arrive() {
    const CALLERS: usize = 20;
    let (hole, healthy) = (Hole::dig().await, Receiver::start().await.unwrap());
    let (server, operator) = Server::with_files(LIMIT, &[("THORN_EVENT_TIMEOUT", "3600")]).await;
    // The API would confirm each of these endpoints, and they hang.
    let unbounded = Config { max_subscriptions: None, max_subscriptions_per_host: None, ..app::config() };
    let db = thorn::connect(&server.place.url).await.unwrap();
    let thorn = Thorn::builder(db).config(unbounded).build().await.unwrap();
    many_that_hang(thorn.subscriptions(), &hole).await;
    thorn.subscriptions().create(NewSubscription::new("his", healthy.url("/")).owner("bob")).await.unwrap();
    Event::new("theirs").broadcast().send(thorn.db(), &0).await.unwrap();
    as_many_hang_as_may(&hole).await;
    for n in 1..=10 {
        let answers = (0..CALLERS).map(|_| operator.get("/events/"));
        for answer in futures::future::join_all(answers).await {
            answer.expect(200);
        }
        operator.publish(json!({ "event": "his", "data": n, "sender": "bob" })).await;
        healthy.wait_for(n, PATIENCE).await.unwrap();
    }
    assert!((HANGING - RESERVED..=HANGING).contains(&hole.open()), "{} hang", hole.open());
    let said = server.said().concat();
    assert!(!said.contains("os error 24"), "a connection found no descriptor: {said}");
}

/// Hosts of a receiver that keeps every connection open. They are more than the worker has descriptors.
const HOSTS: usize = 700;

/// More than that many descriptors leave room for the database, beside requests (a half) and kept connections (a quarter).
const MORE: usize = 512;

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_kept_never_use_up_the_descriptors_however_many_hosts_there_are() {
    let app = TestApp::with(Config { max_subscriptions: None, ..app::config() }).await;
    let (port, open) = keeps_connections().await;
    let subscriptions = app.thorn.subscriptions();
    stream::iter(0..HOSTS)
        .map(|n| {
            let url = format!("http://127.0.{}.{}:{port}/", 1 + n / 200, 1 + n % 200);
            subscriptions.create(NewSubscription::new("theirs", url).owner(format!("owner {}", n % OWNERS)))
        })
        .buffer_unordered(4)
        .try_for_each(|_| async { Ok(()) })
        .await
        .unwrap();
    let worker = WorkerProcess::spawn(&mut limited(&app, MORE, MORE));
    let files = || std::fs::read_dir(format!("/proc/{}/fd", worker.id())).map_or(0, Iterator::count);
    let most = AtomicUsize::new(0);
    for event in 1..=2 {
        Event::new("theirs").broadcast().send(app.db(), &event).await.unwrap();
        eventually("all delivered", || async {
            most.fetch_max(files(), Ordering::Relaxed);
            let delivered = app.count("thorn_delivery WHERE state = 'delivered'").await;
            let expected = i64::try_from(HOSTS * event).unwrap();
            if delivered == expected { Ok(()) } else { Err(format!("{delivered}, {} connections", open())) }
        })
        .await;
    }
    assert!(open() <= MORE / 4, "{} connections are kept", open());
    let most = most.into_inner();
    assert!(most < MORE, "{most} descriptors");
    let sql = "SELECT error AS text FROM thorn_delivery WHERE attempts > 1 OR error IS NOT NULL";
    assert_eq!(app.text(sql).await, Vec::<String>::new(), "a request found no descriptor");
    app.ignore_the_rest();
}

/// A receiver on all loopback addresses that answers each request and closes no connection. Returns its port, and how many
/// connections are open.
async fn keeps_connections() -> (u16, impl Fn() -> usize) {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let (port, open) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&open);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let open = Arc::clone(&counted);
            tokio::spawn(async move {
                open.fetch_add(1, Ordering::SeqCst);
                let mut request = Vec::new();
                while stream.read_buf(&mut request).await.is_ok_and(|bytes| bytes > 0) {
                    // The body of these events ends with a brace, and nothing else does.
                    if request.ends_with(b"}") {
                        request.clear();
                        if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
                            break;
                        }
                    }
                }
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (port, move || open.load(Ordering::SeqCst))
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_raises_its_limit_to_the_most_it_may_have() {
    let app = TestApp::new().await;
    let worker = WorkerProcess::spawn(&mut limited(&app, 128, 512));
    let limits = format!("/proc/{}/limits", worker.id());
    eventually("the raised limit", || async {
        let limits = std::fs::read_to_string(&limits).map_err(|error| error.to_string())?;
        let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
        let values: Vec<&str> = files.split_whitespace().skip(3).take(2).collect();
        if values == ["512", "512"] { Ok(()) } else { Err(files.to_owned()) }
    })
    .await;
}
