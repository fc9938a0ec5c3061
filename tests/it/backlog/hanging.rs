//! What hangs holds its own slots, and nothing of anybody else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use thorn::{
    Config,
    attempt::{Outcome, RetryPolicy},
    event::Event,
};
use thorn_core::testing::Reply;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};

use super::{median, memory};
use crate::{
    app::{self, PATIENCE, Receiver, TestApp},
    process::{self, WorkerProcess},
};

/// How long each of some events takes, sent one after the other and `pause` apart.
async fn waits(app: &TestApp, fine: &Receiver, events: usize, pause: Duration) -> Vec<Duration> {
    let mut waits = Vec::new();
    let before = fine.received().len();
    for n in 0..events {
        let sent = Instant::now();
        Event::new("one").broadcast().send(app.db(), &n).await.unwrap();
        waits.push(fine.wait_for(before + n + 1, PATIENCE).await.unwrap()[before + n].at - sent);
        tokio::time::sleep(pause).await;
    }
    waits
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_delays_nobody_else() {
    const MANY: usize = 2000;
    let app = TestApp::new().await;
    let hangs = app.receiver().await;
    let fine = app.receiver().await;
    hangs.reply(Reply::status(200).delay(Duration::from_secs(20)));
    app.subscribe("many", &hangs.url("/")).await;
    app.subscribe("one", &fine.url("/")).await;
    let worker = WorkerProcess::spawn(process::command(&app.url).env("THORN_EVENT_TIMEOUT", "30"));
    let before = waits(&app, &fine, 5, Duration::ZERO).await;
    let memory_before = memory(&worker);
    let events = (0..MANY).map(|n| Event::new("many").broadcast().render(&n).unwrap()).collect();
    thorn::outbox::write(app.db(), events).await.unwrap();
    hangs.wait_for(10, PATIENCE).await.unwrap();

    // Beyond the moment at which the endpoint is known to be slow, and the deliveries are put off.
    let during = waits(&app, &fine, 30, Duration::from_millis(200)).await;
    let (memory, status) = (memory(&worker), app.thorn.status().await.unwrap());
    println!(
        "median {:?} before, {:?} during; MiB of memory (now, peak) {memory_before:?}, {memory:?}",
        median(before),
        median(during.clone())
    );
    assert!(median(during.clone()) < Duration::from_secs(1), "{during:?}");
    assert!(hangs.received().len() <= 16, "{} at once", hangs.received().len());
    assert!(status.waiting as usize > MANY - 100, "all the others wait: {status:?}");
    assert!(memory.1 < memory_before.1 + 48, "{memory_before:?} {memory:?}");
}

/// A receiver that answers with the head of a response and never with the end of its body. Gives its
/// address, and the most connections it had at once.
async fn never_ends(server: &mut JoinSet<()>, trickle: Option<Duration>) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let most_seen = most.clone();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let (open, most) = (open.clone(), most_seen.clone());
            connections.spawn(async move {
                most.fetch_max(open.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nso").await;
                loop {
                    // Until the other side has had enough.
                    let read = stream.read(&mut request);
                    let ended = match trickle {
                        Some(pause) => match tokio::time::timeout(pause, read).await {
                            Ok(read) => read.is_err() || read.is_ok_and(|bytes| bytes == 0),
                            Err(_) => stream.write_all(b"x").await.is_err(),
                        },
                        None => !read.await.is_ok_and(|bytes| bytes > 0),
                    };
                    if ended {
                        break;
                    }
                }
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (url, most)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stalls_or_never_ends_holds_its_own_slot_until_its_deadline() {
    const MANY: usize = 100;
    const DEADLINE: Duration = Duration::from_secs(3);
    let config = Config { timeout: DEADLINE, retry: RetryPolicy::never(), ..app::config() };
    let app = TestApp::with(config).await;
    let fine = app.receiver().await;
    let mut server = JoinSet::new();
    let (stalls, most_stalled) = never_ends(&mut server, None).await;
    let (trickles, most_trickling) = never_ends(&mut server, Some(Duration::from_millis(10))).await;
    let stalled = app.subscribe("many", &stalls).await;
    let trickling = app.subscribe("many", &trickles).await;
    app.subscribe("one", &fine.url("/")).await;
    let worker = app.worker().await;
    let events = (0..MANY).map(|n| Event::new("many").broadcast().render(&n).unwrap()).collect();
    thorn::outbox::write(app.db(), events).await.unwrap();
    app::eventually("full lanes", || async {
        let (stalled, trickling) = (most_stalled.load(Ordering::SeqCst), most_trickling.load(Ordering::SeqCst));
        if stalled.min(trickling) >= 16 { Ok(()) } else { Err(format!("{stalled} {trickling}")) }
    })
    .await;
    let during = waits(&app, &fine, 20, Duration::from_millis(200)).await;
    println!("{during:?}");
    assert!(median(during.clone()) < Duration::from_secs(1), "{during:?}");
    for (subscription, most) in [(&stalled, most_stalled), (&trickling, most_trickling)] {
        // The slots of the first 16 are free again, and others have had them.
        let attempted = |rows: &[thorn::history::Delivery]| rows.iter().filter(|row| row.attempts > 0).count() > 20;
        let rows = app.deliveries(subscription, attempted).await;
        let attempted: Vec<_> = rows.iter().filter(|row| row.attempts > 0).collect();
        assert!(attempted.iter().all(|row| row.outcome == Some(Outcome::TimedOut)), "{attempted:?}");
        let within = DEADLINE..DEADLINE + Duration::from_secs(1);
        assert!(attempted.iter().all(|row| within.contains(&row.duration.unwrap())), "{attempted:?}");
        assert_eq!(most.load(Ordering::SeqCst), 16);
    }
    drop(worker);
}
