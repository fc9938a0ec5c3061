//! The table in `docs/operating.md`: what alice's endpoints do, and what bob and the worker notice of it.
//!
//! `THORN_TEST_FULL=1 cargo test --workspace --all-features --test it fairness::table -- --nocapture --test-threads=1` prints
//! it, with PostgreSQL and Redis if `.ci/run servers` runs it.

use std::{
    collections::HashSet,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde_json::json;
use thorn::{Config, Event, subscription::NewSubscription};
use thorn_core::testing::TestNames;
use thorn_test_support::{full, is_mysql};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    app::{self, Receiver, TestApp},
    backlog::memory,
    engine::server::Caller,
    process::WorkerProcess,
    queue::place::{Place, Placed},
};

/// Events of bob's in each phase of the whole table.
const EVENTS: usize = 100;

/// Events of bob's in each phase, unless the whole table is asked for.
const FEWER_EVENTS: usize = 50;

/// How long one of them may take. The table shows how long it took.
const PATIENCE: Duration = Duration::from_secs(120);

/// How much later than before bob's events may arrive, on a machine that is busy with other tests.
const TOLERATED: Duration = Duration::from_secs(1);

/// So many of bob's events may take longer.
const STRAGGLERS: usize = 3;

/// The most endpoints of an attack, unless the whole table is asked for. It is more than a worker's tasks on the queue, and
/// more than the requests that an owner may have under way.
const FEWER: usize = 600;

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
    /// It answers 500 at once.
    Fails,
    /// It resets the connection once a request has come.
    Resets,
    /// It answers 429 at once.
    AsksToWait,
    /// Nobody asks it, because the name server of its host is silent.
    HasASilentName,
}

/// The program that delivers.
#[derive(Clone, Copy, PartialEq)]
enum Program {
    Worker,
    /// `thorn server`, with the worker inside. Bob sends his events to its API.
    Server,
}

struct Attack {
    does: &'static str,
    behaviour: Behaviour,
    /// The beginning of the endpoint's URL, without port and path.
    url: fn(usize) -> String,
    owners: usize,
    endpoints: usize,
    program: Program,
    /// The memory of the process that the test tolerates, in MiB: a third more than was seen.
    memory: u64,
    /// Whether every run makes this attack, with fewer endpoints.
    is_quick: bool,
}

impl Attack {
    /// Many endpoints of one owner on one host.
    const fn of_alice(does: &'static str, behaviour: Behaviour, memory: u64) -> Self {
        let (url, owners, endpoints) = (one_host as fn(usize) -> String, 1, 2_000);
        Self { does, behaviour, url, owners, endpoints, program: Program::Worker, memory, is_quick: false }
    }

    /// The same on as many hosts.
    const fn on_own_hosts(self, endpoints: usize) -> Self {
        Self { url: own_host, endpoints, ..self }
    }

    const fn quick(self) -> Self {
        Self { is_quick: true, ..self }
    }
}

fn one_host(_: usize) -> String {
    "http://127.0.1.1".to_owned()
}

fn own_host(n: usize) -> String {
    format!("http://127.0.{}.{}", 1 + n / 250, 1 + n % 250)
}

const ATTACKS: [Attack; 18] = [
    Attack::of_alice("hang, on one host", Behaviour::Hangs, 120),
    Attack { url: |n| own_host(n % 100), ..Attack::of_alice("hang, on 100 hosts", Behaviour::Hangs, 120) },
    Attack { owners: usize::MAX, ..Attack::of_alice("hang, one for each of as many owners", Behaviour::Hangs, 130) },
    Attack { endpoints: 20_000, ..Attack::of_alice("hang, on one host", Behaviour::Hangs, 360) },
    Attack { url: |_| "http://[::1]".to_owned(), ..Attack::of_alice("hang, over IPv6", Behaviour::Hangs, 120) },
    Attack {
        url: |_| "https://127.0.1.1".to_owned(),
        ..Attack::of_alice("hang in the TLS handshake", Behaviour::Hangs, 120)
    },
    Attack::of_alice("on as many hosts send 95 header lines of 4 kB, then nothing", Behaviour::SendsALongHead, 210)
        .on_own_hosts(3_000),
    Attack::of_alice("on as many hosts do so after one quick answer", Behaviour::SendsALongHeadLater, 390)
        .on_own_hosts(3_000)
        .quick(),
    Attack::of_alice("send 95 header lines of 4 kB, then nothing", Behaviour::SendsALongHead, 180).quick(),
    Attack::of_alice("send a header line every 50 ms", Behaviour::SendsTheHeadSlowly, 120).quick(),
    Attack::of_alice("send a byte of the body every 50 ms", Behaviour::SendsTheBodySlowly, 120),
    Attack::of_alice("on as many hosts stream `100 Continue`", Behaviour::StreamsContinue, 120).on_own_hosts(100),
    Attack::of_alice(
        "on as many hosts stream `100 Continue` after one quick answer",
        Behaviour::StreamsContinueLater,
        120,
    )
    .on_own_hosts(100)
    .quick(),
    Attack::of_alice("answer 500 at once", Behaviour::Fails, 180).quick(),
    Attack::of_alice("reset the connection at once", Behaviour::Resets, 120),
    Attack::of_alice("answer 429 at once", Behaviour::AsksToWait, 180).quick(),
    Attack {
        url: |n| format!("http://{}", TestNames::silent_elsewhere(&n.to_string())),
        endpoints: 1_500,
        ..Attack::of_alice("on as many hosts have a silent name server", Behaviour::HasASilentName, 120)
    }
    .quick(),
    Attack {
        owners: usize::MAX,
        program: Program::Server,
        ..Attack::of_alice("hang, one for each of as many owners, and bob uses the API", Behaviour::Hangs, 150)
    }
    .quick(),
];

impl Behaviour {
    const fn leads_to_holds(self) -> bool {
        matches!(self, Self::Fails | Self::Resets | Self::AsksToWait)
    }

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
        let answer = match self {
            Self::Fails => "500 Internal Server Error",
            Self::AsksToWait => "429 Too Many Requests",
            _ => "",
        };
        match self {
            Self::Hangs | Self::HasASilentName => {}
            Self::Fails | Self::AsksToWait => loop {
                stream.write_all(format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await?;
                if stream.read(&mut request).await? == 0 {
                    return Ok(());
                }
            },
            Self::Resets => return stream.set_zero_linger(),
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

/// Sends events of bob's one after another. `send` returns when the time of an event begins.
async fn bobs_times(events: usize, healthy: &Receiver, send: impl AsyncFn(usize) -> Instant) -> Times {
    let before = healthy.arrived();
    let mut times = Vec::new();
    for n in 1..=events {
        let sent = send(n).await;
        healthy.wait_for(before + n, PATIENCE).await.unwrap();
        times.push(sent.elapsed());
    }
    times.sort_unstable();
    Times { median: times[events / 2], most: times[events - 1], nearly_all: times[events - 1 - STRAGGLERS] }
}

/// Bob, and how he sends his events.
enum Bob<'a> {
    /// From his application.
    Application {
        app: &'a TestApp,
        keep_alive: bool,
    },
    Api(Caller),
}

impl Bob<'_> {
    async fn send(&self, n: usize) -> Instant {
        match self {
            Self::Application { app, keep_alive } => {
                Event::new("his").sender("bob").keep_alive(*keep_alive).send(app.db(), &n).await.unwrap();
                Instant::now()
            }
            Self::Api(caller) => {
                let began = Instant::now();
                caller.publish(json!({ "event": "his", "sender": "bob", "data": n })).await;
                began
            }
        }
    }
}

/// Starts the program that delivers.
async fn start(placed: &Placed, attack: &Attack) -> WorkerProcess {
    let mut command = match attack.program {
        Program::Worker => placed.command(),
        Program::Server => {
            let mut command = placed.program(Path::new(env!("CARGO_BIN_EXE_thorn")));
            command.arg("server").env("THORN_LISTEN", "127.0.0.1:0");
            command
        }
    };
    if attack.behaviour.leads_to_holds() {
        // By default, endpoints that keep failing are held.
        command.env_remove("THORN_HOLD_AFTER");
    }
    WorkerProcess::spawn(command.env("THORN_ALLOW_NETWORKS", "127.0.0.0/8,::1/128").env("THORN_EVENT_TIMEOUT", "30"))
}

/// An operator who calls the server.
async fn operator(server: &WorkerProcess) -> Caller {
    app::eventually("the server's port", || async {
        let log = server.log();
        let found = |prefix| log.lines().find_map(|line| line.strip_prefix(prefix));
        let (port, key) = (found("thorn: listening on http://127.0.0.1:"), found("thk_"));
        let (Some(port), Some(key)) = (port, key) else { return Err(log) };
        Ok(Caller::new(port.parse().unwrap(), format!("thk_{key}")))
    })
    .await
}

async fn row(place: Place, attack: &Attack, is_full: bool) -> bool {
    let endpoints = if is_full { attack.endpoints } else { attack.endpoints.min(FEWER) };
    let events = if is_full { EVENTS } else { FEWER_EVENTS };
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
    let (mut url, mut keep_alive) = (healthy.url("/"), true);
    if matches!(attack.behaviour, Behaviour::HasASilentName) {
        // Each request looks its host up.
        keep_alive = false;
        url = url.replace("127.0.0.1", &TestNames::healthy_everywhere("bob"));
    }
    subscriptions.create(NewSubscription::new("his", url).owner("bob")).await.unwrap();
    let process = start(&placed, attack).await;
    let bob = match attack.program {
        Program::Worker => Bob::Application { app, keep_alive },
        Program::Server => Bob::Api(operator(&process).await),
    };
    let before = bobs_times(events, &healthy, async |n| bob.send(n).await).await;
    let (started, cpu_before) = (Instant::now(), figures(&process).1);
    let meanwhile = bobs_times(events, &healthy, async |n| {
        if n % 30 == 1 {
            Event::new("hers").broadcast().send(app.db(), &n).await.unwrap();
        }
        bob.send(n).await
    })
    .await;
    let ((_, memory), (files, cpu)) = (memory(&process), figures(&process));
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
    assert!(memory < attack.memory, "{} made the process use {memory} MiB", attack.does);
    app.ignore_the_rest();
    true
}

#[cfg(target_os = "linux")]
async fn bob_s_deliveries_arrive(place: Place) {
    let is_full = full("the whole table");
    println!("| {place}: alice's endpoints | bob before: median / longest | bob meanwhile | memory | files | CPU |");
    println!("|---|---|---|---|---|---|");
    for attack in ATTACKS.iter().filter(|attack| is_full || attack.is_quick) {
        if !row(place, attack, is_full).await {
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
