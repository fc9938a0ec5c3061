//! An endpoint that hangs fills its own slots only.

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
    history::Delivery,
};
use thorn_core::testing::Reply;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};

use super::{assert_nobody_notices, median, memory};
use crate::{
    app::{self, PATIENCE, Receiver, TestApp},
    process::{self, WorkerProcess},
};

/// How long some events take, sent one after the other: the median.
async fn waits(app: &TestApp, fine: &Receiver, events: usize) -> Duration {
    let mut waits = Vec::new();
    let before = fine.received().len();
    for n in 0..events {
        let sent = Instant::now();
        Event::new("one").broadcast().send(app.db(), &n).await.unwrap();
        waits.push(fine.wait_for(before + n + 1, PATIENCE).await.unwrap()[before + n].at - sent);
    }
    median(waits)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_delays_nobody_else() {
    const MANY: usize = 2000;
    let app = TestApp::new().await;
    let hangs = app.receiver().await;
    let fine = app.receiver().await;
    hangs.reply(Reply::status(200).delay(HOUR));
    app.subscribe("many", &hangs.url("/")).await;
    app.subscribe("one", &fine.url("/")).await;
    let worker = WorkerProcess::spawn(process::command(&app.url).env("THORN_EVENT_TIMEOUT", "3600"));
    let before = waits(&app, &fine, 5).await;
    let memory_before = memory(&worker);
    let events = (0..MANY).map(|n| Event::new("many").broadcast().render(&n).unwrap()).collect();
    thorn::outbox::write(app.db(), events).await.unwrap();
    hangs.wait_for(10, PATIENCE).await.unwrap();
    let early = waits(&app, &fine, 10).await;
    app::eventually("deliveries that are put off, as the endpoint is known to be slow", || async {
        let status = app.thorn.status().await.unwrap();
        if status.waiting as usize > MANY - 100 { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
    let late = waits(&app, &fine, 20).await;
    let memory = memory(&worker);
    println!("median {before:?} before, {early:?} and {late:?} during; MiB (now, peak) {memory_before:?}, {memory:?}");
    assert_nobody_notices(before, early);
    assert_nobody_notices(before, late);
    // The same requests hung all the time: had one of them ended, another would have begun.
    assert!(hangs.received().len() <= 16, "{} at once", hangs.received().len());
    app.ignore_the_rest();
    assert!(memory.1 < memory_before.1 + 48, "{memory_before:?} {memory:?}");
}

/// Longer than any test.
const HOUR: Duration = Duration::from_secs(3600);

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

/// The most of these deliveries that the worker tried at once. A receiver would count more, because it notices a moment
/// later that a request was given up.
fn most_at_once(attempted: &[&Delivery]) -> usize {
    // Beginning and duration are cut to milliseconds, so no attempt seems to end later than it did.
    let span = |row: &Delivery| (row.attempted_at.unwrap(), row.attempted_at.unwrap() + row.duration.unwrap());
    let spans: Vec<_> = attempted.iter().map(|row| span(row)).collect();
    let at_once = |at| spans.iter().filter(|(began, ended)| *began <= at && at < *ended).count();
    spans.iter().map(|(began, _)| at_once(*began)).max().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stalls_or_never_ends_holds_its_own_slot_until_its_deadline() {
    const MANY: usize = 100;
    const DEADLINE: Duration = Duration::from_secs(1);
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
    let before = waits(&app, &fine, 5).await;
    let events = (0..MANY).map(|n| Event::new("many").broadcast().render(&n).unwrap()).collect();
    thorn::outbox::write(app.db(), events).await.unwrap();
    app::eventually("full lanes", || async {
        let (stalled, trickling) = (most_stalled.load(Ordering::SeqCst), most_trickling.load(Ordering::SeqCst));
        if stalled.min(trickling) >= 16 { Ok(()) } else { Err(format!("{stalled} {trickling}")) }
    })
    .await;
    assert_nobody_notices(before, waits(&app, &fine, 20).await);
    let mut longest = Vec::new();
    for subscription in [&stalled, &trickling] {
        // The slots of the first 16 are free again, and others have had them.
        let rows = app.deliveries(subscription, |rows| rows.iter().filter(|row| row.attempts > 0).count() > 20).await;
        let attempted: Vec<_> = rows.iter().filter(|row| row.attempts > 0).collect();
        assert!(attempted.iter().all(|row| row.outcome == Some(Outcome::TimedOut)), "{attempted:?}");
        assert!(attempted.iter().all(|row| row.duration.unwrap() >= DEADLINE), "{attempted:?}");
        longest.push(attempted.iter().map(|row| row.duration.unwrap()).max().unwrap());
        assert_eq!(most_at_once(&attempted), 16);
    }
    // A byte from time to time wins no time.
    assert!(longest[1] < longest[0] * 2, "{longest:?}");
    drop(worker);
    app.ignore_the_rest();
}
