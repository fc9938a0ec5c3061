//! The table in `docs/operating.md`: what alice's endpoints do, and what bob and the worker notice of it.
//!
//! `THORN_TEST_FULL=1 cargo test --workspace --all-features --test it fairness::table -- --nocapture` prints it.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use thorn::{Config, Event, subscription::NewSubscription};
use thorn_test_support::full;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    app::{self, PATIENCE, Receiver, TestApp},
    backlog::memory,
    process::{self, WorkerProcess},
};

/// Events of bob's in each phase.
const EVENTS: usize = 100;

/// The way in which an endpoint treats a request.
#[derive(Clone, Copy)]
enum Behaviour {
    /// It never answers.
    Hangs,
    /// It sends 95 header lines of 4 kB, and then nothing.
    SendsALongHead,
    /// It sends a header line every 50 ms.
    SendsTheHeadSlowly,
    /// It sends a byte of the body every 50 ms.
    SendsTheBodySlowly,
}

struct Attack {
    does: &'static str,
    behaviour: Behaviour,
    /// The beginning of the endpoint's URL, without port and path.
    url: fn(usize) -> String,
    owners: usize,
}

fn one_host(_: usize) -> String {
    "http://127.0.1.1".to_owned()
}

const ATTACKS: [Attack; 8] = [
    Attack { does: "hang, on one host", behaviour: Behaviour::Hangs, url: one_host, owners: 1 },
    Attack {
        does: "hang, on 100 hosts",
        behaviour: Behaviour::Hangs,
        url: |n| format!("http://127.0.1.{}", 1 + n % 100),
        owners: 1,
    },
    Attack {
        does: "hang, one for each of many owners",
        behaviour: Behaviour::Hangs,
        url: one_host,
        owners: usize::MAX,
    },
    Attack { does: "hang, over IPv6", behaviour: Behaviour::Hangs, url: |_| "http://[::1]".to_owned(), owners: 1 },
    Attack {
        does: "hang in the TLS handshake",
        behaviour: Behaviour::Hangs,
        url: |_| "https://127.0.1.1".to_owned(),
        owners: 1,
    },
    Attack {
        does: "send 95 header lines of 4 kB, then nothing",
        behaviour: Behaviour::SendsALongHead,
        url: one_host,
        owners: 1,
    },
    Attack {
        does: "send a header line every 50 ms",
        behaviour: Behaviour::SendsTheHeadSlowly,
        url: one_host,
        owners: 1,
    },
    Attack {
        does: "send a byte of the body every 50 ms",
        behaviour: Behaviour::SendsTheBodySlowly,
        url: one_host,
        owners: 1,
    },
];

impl Behaviour {
    async fn answer(self, mut stream: TcpStream) -> std::io::Result<()> {
        let pause = || tokio::time::sleep(Duration::from_millis(50));
        let mut request = [0; 4096];
        // Part of the request is enough for this server.
        if stream.read(&mut request).await? == 0 {
            return Ok(());
        }
        match self {
            Self::Hangs => {}
            Self::SendsALongHead => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
                for n in 0..95 {
                    stream.write_all(format!("x-{n}: {}\r\n", "a".repeat(4_096)).as_bytes()).await?;
                }
            }
            Self::SendsTheHeadSlowly => {
                stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
                for n in 0.. {
                    stream.write_all(format!("x-{n}: a\r\n").as_bytes()).await?;
                    pause().await;
                }
            }
            Self::SendsTheBodySlowly => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await?;
                loop {
                    stream.write_all(b"a").await?;
                    pause().await;
                }
            }
        }
        // Until the other side has had enough.
        while stream.read(&mut request).await? > 0 {}
        Ok(())
    }
}

/// Serves all addresses of this machine at one port.
async fn serve(behaviour: Behaviour) -> (u16, JoinSet<()>) {
    let listener = TcpListener::bind("[::]:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut server = JoinSet::new();
    server.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            // An error is the end of the connection.
            connections.spawn(async move { _ = behaviour.answer(stream).await });
        }
    });
    (port, server)
}

/// The worker's open files and connections, and the seconds of CPU time it has used.
fn figures(worker: &WorkerProcess) -> (usize, f64) {
    let proc = format!("/proc/{}", worker.id());
    let files = std::fs::read_dir(format!("{proc}/fd")).map_or(0, Iterator::count);
    let stat = std::fs::read_to_string(format!("{proc}/stat")).unwrap_or_default();
    let times = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
    let ticks: u32 = times.filter_map(|time| time.parse::<u32>().ok()).sum();
    // Linux counts 100 ticks a second on every platform that Rust supports.
    (files, f64::from(ticks) / 100.0)
}

/// Sends events of bob's one after another. Returns the median and the maximum time to their arrival.
async fn bobs_times(app: &TestApp, healthy: &Receiver, meanwhile: impl AsyncFn(usize)) -> (Duration, Duration) {
    let before = healthy.arrived();
    let mut times = Vec::new();
    for n in 1..=EVENTS {
        meanwhile(n).await;
        Event::new("his").sender("bob").send(app.db(), &n).await.unwrap();
        let sent = Instant::now();
        healthy.wait_for(before + n, PATIENCE).await.unwrap();
        times.push(sent.elapsed());
    }
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() - 1])
}

async fn row(attack: &Attack, endpoints: usize) {
    let networks = || ["127.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap()).into();
    let unbounded = Config { max_subscriptions: None, max_subscriptions_per_host: None, ..app::config() };
    let app = TestApp::with(Config { allow_networks: networks(), ..unbounded }).await;
    let (port, _server) = serve(attack.behaviour).await;
    let subscriptions = app.thorn.subscriptions();
    stream::iter(0..endpoints)
        .map(|n| {
            let url = format!("{}:{port}/{n}", (attack.url)(n));
            subscriptions.create(NewSubscription::new("hers", url).owner(format!("alice {}", n % attack.owners)))
        })
        .buffer_unordered(4)
        .try_for_each(|_| async { Ok(()) })
        .await
        .unwrap();
    let healthy = app.receiver().await;
    let bobs = NewSubscription::new("his", healthy.url("/")).owner("bob");
    subscriptions.create(bobs).await.unwrap();
    let mut command = process::command(&app.url);
    let worker = WorkerProcess::spawn(
        command.env("THORN_ALLOW_NETWORKS", "127.0.0.0/8,::1/128").env("THORN_EVENT_TIMEOUT", "30"),
    );
    let before = bobs_times(&app, &healthy, async |_| ()).await;
    let (started, cpu_before) = (Instant::now(), figures(&worker).1);
    let meanwhile = bobs_times(&app, &healthy, async |n| {
        if n % 30 == 1 {
            Event::new("hers").broadcast().send(app.db(), &n).await.unwrap();
        }
    })
    .await;
    let ((memory, _), (files, cpu)) = (memory(&worker), figures(&worker));
    println!(
        "| {endpoints} {} | {:.0?} / {:.0?} | {:.0?} / {:.0?} | {memory} MiB | {files} | {:.0} % |",
        attack.does,
        before.0,
        before.1,
        meanwhile.0,
        meanwhile.1,
        (cpu - cpu_before) * 100.0 / started.elapsed().as_secs_f64(),
    );
    app.ignore_the_rest();
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn bob_s_deliveries_arrive_whatever_alice_s_endpoints_do() {
    let (attacks, endpoints) = if full("the whole table") { (&ATTACKS[..], 2_000) } else { (&ATTACKS[5..], 200) };
    println!("| alice's endpoints | bob before: median / longest | bob meanwhile | memory | files | CPU |");
    println!("|---|---|---|---|---|---|");
    for attack in attacks {
        row(attack, endpoints).await;
    }
}
