//! The table in `docs/operating.md`: what alice's endpoints do, and what bob and the worker notice of it.
//!
//! `THORN_TEST_FULL=1 cargo test --workspace --all-features --test it fairness::table -- --nocapture --test-threads=1` prints
//! it, with PostgreSQL and Redis if `.ci/run servers` runs it.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use thorn::{Config, Event, subscription::NewSubscription};
use thorn_test_support::{full, is_mysql};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    app::{self, Receiver, TestApp},
    backlog::memory,
    process::WorkerProcess,
    queue::place::{Place, Placed},
};

/// Events of bob's in each phase.
const EVENTS: usize = 100;

/// How long one of them may take. The table shows how long it took.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much later than before bob's events may arrive, on a machine that is busy with other tests.
const TOLERATED: Duration = Duration::from_secs(1);

/// So many of bob's events may take longer.
const STRAGGLERS: usize = 3;

/// The most endpoints of an attack, unless the whole table is asked for. It is more than a worker's tasks on the queue, and
/// more than the requests that an owner may have under way.
const FEWER: usize = 600;

/// The memory of a worker that the tests tolerate, in MiB.
const MOST_MEMORY: u64 = 400;

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
    /// It answers one request at once, and the others as [`SendsALongHead`](Self::SendsALongHead).
    SendsALongHeadLater,
    /// It sends `100 Continue` again and again, as fast as it is read.
    StreamsContinue,
    /// It answers one request at once, and the others as [`StreamsContinue`](Self::StreamsContinue).
    StreamsContinueLater,
}

struct Attack {
    does: &'static str,
    behaviour: Behaviour,
    /// The beginning of the endpoint's URL, without port and path.
    url: fn(usize) -> String,
    owners: usize,
    endpoints: usize,
}

impl Attack {
    /// Many endpoints of one owner on one host.
    const fn of_alice(does: &'static str, behaviour: Behaviour) -> Self {
        Self { does, behaviour, url: one_host, owners: 1, endpoints: 2_000 }
    }
}

fn one_host(_: usize) -> String {
    "http://127.0.1.1".to_owned()
}

fn own_host(n: usize) -> String {
    format!("http://127.0.{}.{}", 1 + n / 250, 1 + n % 250)
}

const ATTACKS: [Attack; 12] = [
    Attack::of_alice("hang, on one host", Behaviour::Hangs),
    Attack { url: |n| own_host(n % 100), ..Attack::of_alice("hang, on 100 hosts", Behaviour::Hangs) },
    Attack { owners: usize::MAX, ..Attack::of_alice("hang, one for each of as many owners", Behaviour::Hangs) },
    Attack { url: |_| "http://[::1]".to_owned(), ..Attack::of_alice("hang, over IPv6", Behaviour::Hangs) },
    Attack {
        url: |_| "https://127.0.1.1".to_owned(),
        ..Attack::of_alice("hang in the TLS handshake", Behaviour::Hangs)
    },
    Attack {
        url: own_host,
        endpoints: 3_000,
        ..Attack::of_alice("on as many hosts send 95 header lines of 4 kB, then nothing", Behaviour::SendsALongHead)
    },
    Attack {
        url: own_host,
        endpoints: 3_000,
        ..Attack::of_alice("on as many hosts do so after one quick answer", Behaviour::SendsALongHeadLater)
    },
    Attack::of_alice("send 95 header lines of 4 kB, then nothing", Behaviour::SendsALongHead),
    Attack::of_alice("send a header line every 50 ms", Behaviour::SendsTheHeadSlowly),
    Attack::of_alice("send a byte of the body every 50 ms", Behaviour::SendsTheBodySlowly),
    Attack {
        url: own_host,
        endpoints: 100,
        ..Attack::of_alice("on as many hosts stream `100 Continue`", Behaviour::StreamsContinue)
    },
    Attack {
        url: own_host,
        endpoints: 100,
        ..Attack::of_alice(
            "on as many hosts stream `100 Continue` after one quick answer",
            Behaviour::StreamsContinueLater,
        )
    },
];

/// The attacks that every run makes, with fewer endpoints.
const QUICK: std::ops::Range<usize> = 6..12;

impl Behaviour {
    /// Answers on one connection. `answered` has the paths that were.
    async fn answer(self, mut stream: TcpStream, answered: &Mutex<HashSet<Vec<u8>>>) -> std::io::Result<()> {
        let pause = || tokio::time::sleep(Duration::from_millis(50));
        let mut request = [0; 4096];
        loop {
            // Part of the request is enough for this server.
            let bytes = stream.read(&mut request).await?;
            if bytes == 0 {
                return Ok(());
            }
            let path = request[..bytes].split(|byte| *byte == b'\r').next().unwrap_or_default().to_vec();
            let is_first = answered.lock().unwrap().insert(path);
            if !matches!(self, Self::SendsALongHeadLater | Self::StreamsContinueLater) || !is_first {
                break;
            }
            stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
        }
        match self {
            Self::Hangs => {}
            Self::SendsALongHead | Self::SendsALongHeadLater => {
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
            Self::StreamsContinue | Self::StreamsContinueLater => {
                let many = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(4_096);
                loop {
                    stream.write_all(&many).await?;
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
        let (mut connections, answered) = (JoinSet::new(), Arc::<Mutex<HashSet<_>>>::default());
        while let Ok((stream, _)) = listener.accept().await {
            let answered = Arc::clone(&answered);
            // An error is the end of the connection.
            connections.spawn(async move { _ = behaviour.answer(stream, &answered).await });
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

/// The times to the arrival of bob's events.
struct Times {
    median: Duration,
    most: Duration,
    /// All but [`STRAGGLERS`] arrived within this time.
    nearly_all: Duration,
}

/// Sends events of bob's one after another.
async fn bobs_times(app: &TestApp, healthy: &Receiver, meanwhile: impl AsyncFn(usize)) -> Times {
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
    Times { median: times[EVENTS / 2], most: times[EVENTS - 1], nearly_all: times[EVENTS - 1 - STRAGGLERS] }
}

async fn row(place: Place, attack: &Attack, endpoints: usize) -> bool {
    let networks = || ["127.0.0.0/8", "::1/128"].map(|network| network.parse().unwrap()).into();
    let unbounded = Config { max_subscriptions: None, max_subscriptions_per_host: None, ..app::config() };
    let Some(placed) = Placed::new(place, Config { allow_networks: networks(), ..unbounded }).await else {
        return false;
    };
    let app = &placed.app;
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
    let mut command = placed.command();
    let worker = WorkerProcess::spawn(
        command.env("THORN_ALLOW_NETWORKS", "127.0.0.0/8,::1/128").env("THORN_EVENT_TIMEOUT", "30"),
    );
    let before = bobs_times(app, &healthy, async |_| ()).await;
    let (started, cpu_before) = (Instant::now(), figures(&worker).1);
    let meanwhile = bobs_times(app, &healthy, async |n| {
        if n % 30 == 1 {
            Event::new("hers").broadcast().send(app.db(), &n).await.unwrap();
        }
    })
    .await;
    let ((_, memory), (files, cpu)) = (memory(&worker), figures(&worker));
    println!(
        "| {endpoints} {} | {:.0?} / {:.0?} | {:.0?} / {:.0?} | {memory} MiB | {files} | {:.0} % |",
        attack.does,
        before.median,
        before.most,
        meanwhile.median,
        meanwhile.most,
        (cpu - cpu_before) * 100.0 / started.elapsed().as_secs_f64(),
    );
    for (now, then) in [(meanwhile.median, before.median), (meanwhile.nearly_all, before.most)] {
        assert!(now < then + TOLERATED, "{} made bob wait for {now:?}, and before for {then:?}", attack.does);
    }
    assert!(memory < MOST_MEMORY, "{} made the worker use {memory} MiB", attack.does);
    app.ignore_the_rest();
    true
}

#[cfg(target_os = "linux")]
async fn bob_s_deliveries_arrive(place: Place) {
    let is_full = full("the whole table");
    let attacks = if is_full { &ATTACKS[..] } else { &ATTACKS[QUICK] };
    println!("| {place}: alice's endpoints | bob before: median / longest | bob meanwhile | memory | files | CPU |");
    println!("|---|---|---|---|---|---|");
    for attack in attacks {
        if !row(place, attack, if is_full { attack.endpoints } else { attack.endpoints.min(FEWER) }).await {
            return;
        }
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn bob_s_deliveries_arrive_whatever_alice_s_endpoints_do() {
    bob_s_deliveries_arrive(if is_mysql() { Place::Memory } else { Place::Sqlite }).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn bob_s_deliveries_arrive_on_postgresql() {
    bob_s_deliveries_arrive(Place::Postgres).await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn bob_s_deliveries_arrive_with_the_queue_on_redis() {
    bob_s_deliveries_arrive(Place::RedisBesidePostgres).await;
}
