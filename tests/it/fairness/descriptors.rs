//! A worker that may have few files and connections open.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use thorn::{Config, Event, subscription::NewSubscription};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use super::{HOUR, Hole};
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
    let worker = process::command(&app.url);
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -Sn {soft} && ulimit -Hn {hard} && exec \"$0\"")]).arg(worker.get_program());
    for (name, value) in worker.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_hang_never_use_up_the_descriptors() {
    let unbounded = Config { max_subscriptions: None, max_subscriptions_per_host: None, ..app::config() };
    let app = TestApp::with(Config { timeout: HOUR, ..unbounded }).await;
    let (hole, healthy) = (Hole::dig().await, app.receiver().await);
    let subscriptions = app.thorn.subscriptions();
    stream::iter(0..OWNERS * ENDPOINTS)
        .map(|n| {
            let url = format!("http://127.0.1.{}:{}/{n}", 1 + n % 40, hole.port);
            subscriptions.create(NewSubscription::new("theirs", url).owner(format!("owner {}", n % OWNERS)))
        })
        .buffer_unordered(4)
        .try_for_each(|_| async { Ok(()) })
        .await
        .unwrap();
    let bobs = NewSubscription::new("his", healthy.url("/")).owner("bob");
    let bobs = subscriptions.create(bobs).await.unwrap();
    let _worker = WorkerProcess::spawn(limited(&app, LIMIT, LIMIT).env("THORN_EVENT_TIMEOUT", "3600"));
    Event::new("theirs").broadcast().send(app.db(), &0).await.unwrap();
    eventually("as many requests that hang as may", || async {
        let open = hole.open();
        if open >= HANGING - RESERVED { Ok(()) } else { Err(format!("{open} of {HANGING} hang")) }
    })
    .await;
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
