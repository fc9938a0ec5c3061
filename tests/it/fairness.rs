//! A neighbour must not notice what one owner's endpoints do.
//!
//! Alice has many endpoints that accept requests and never answer. Bob has one that is healthy. Alice's requests hang
//! for longer than the test, so bob's events arrive only if none of them waits for hers.

mod descriptors;
mod filters;
mod floods;
mod table;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use thorn::{Config, Event, subscription::NewSubscription};
use tokio::{io::AsyncReadExt as _, net::TcpListener, task::JoinSet};

use crate::{
    app::{self, PATIENCE, TestApp},
    process::{self, WorkerProcess},
};

/// Longer than any test.
const HOUR: Duration = Duration::from_secs(3600);

/// More than a worker's tasks on the queue, which are 256.
const ENDPOINTS: usize = 600;

/// The most requests of one owner that may hang, as `docs/operating.md` says.
const HANGING: usize = 128;

/// A server on all loopback addresses that accepts requests and never answers.
struct Hole {
    port: u16,
    open: Arc<AtomicUsize>,
    _server: JoinSet<()>,
}

impl Hole {
    async fn dig() -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = Arc::new(AtomicUsize::new(0));
        let (mut server, requests) = (JoinSet::new(), Arc::clone(&open));
        server.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                let requests = Arc::clone(&requests);
                connections.spawn(async move {
                    requests.fetch_add(1, Ordering::SeqCst);
                    // Until the other side has had enough.
                    while stream.read(&mut [0; 4096]).await.is_ok_and(|bytes| bytes > 0) {}
                    requests.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { port, open, _server: server }
    }

    fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

/// An application in which alice has many endpoints on so many hosts, all of which hang.
async fn attacked(hosts: usize) -> (TestApp, Hole) {
    let unbounded = Config { max_subscriptions: None, max_subscriptions_per_host: None, ..app::config() };
    let app = TestApp::with(Config { timeout: HOUR, ..unbounded }).await;
    let hole = Hole::dig().await;
    let subscriptions = app.thorn.subscriptions();
    stream::iter(0..ENDPOINTS)
        .map(|n| {
            let url = format!("http://127.0.1.{}:{}/{n}", 1 + n % hosts, hole.port);
            subscriptions.create(NewSubscription::new("hers", url).owner("alice"))
        })
        .buffer_unordered(4)
        .try_for_each(|_| async { Ok(()) })
        .await
        .unwrap();
    (app, hole)
}

/// Sends events of both, and waits for each of bob's.
async fn bob_notices_nothing(app: &TestApp, hole: &Hole) {
    let healthy = app.receiver().await;
    let bobs = NewSubscription::new("his", healthy.url("/")).owner("bob");
    app.thorn.subscriptions().create(bobs).await.unwrap();
    for n in 0..30_usize {
        if n % 3 == 0 {
            Event::new("hers").sender("alice").send(app.db(), &n).await.unwrap();
        }
        Event::new("his").sender("bob").send(app.db(), &n).await.unwrap();
        let arrived = healthy.wait_for(n + 1, PATIENCE).await;
        assert!(arrived.is_ok(), "bob's event {n} didn't arrive; {} of alice's requests hang", hole.open());
    }
    assert!((1..=HANGING).contains(&hole.open()), "{} requests hang", hole.open());
    app.ignore_the_rest();
}

#[tokio::test(flavor = "multi_thread")]
async fn many_endpoints_on_one_host_that_hang_are_their_owner_s_trouble_alone() {
    let (app, hole) = attacked(1).await;
    let _worker = app.worker().await;
    bob_notices_nothing(&app, &hole).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_endpoints_on_many_hosts_that_hang_are_their_owner_s_trouble_alone() {
    let (app, hole) = attacked(40).await;
    let _worker = WorkerProcess::spawn(process::command(&app.url).env("THORN_EVENT_TIMEOUT", "3600"));
    bob_notices_nothing(&app, &hole).await;
}
