//! cargo bench --bench deliveries
//!
//! How much of the physical limit thorn reaches: events already committed until they are delivered and
//! recorded, beside a bare loop that posts the same body with the same HTTP client to the same receiver
//! in the same run. Receiver in a process of its own; rounds interleaved; medians.

use std::{
    io::BufRead as _,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use thorn::{Config, Event, Thorn, subscription::NewSubscription};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

const EVENTS: usize = 20_000;
const ROUNDS: usize = 3;
/// Requests at once of the bare loop, the most that thorn allows one quick endpoint.
const AT_ONCE: usize = 64;

fn main() -> anyhow::Result<()> {
    // reqwest is built without a default; thorn names the same one for its own client.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if std::env::args().any(|argument| argument == "receive") {
        return runtime.block_on(receive());
    }
    runtime.block_on(measure())
}

async fn measure() -> anyhow::Result<()> {
    let mut receiver = Command::new(std::env::current_exe()?).arg("receive").stdout(Stdio::piped()).spawn()?;
    let result = against(&mut receiver).await;
    receiver.kill()?;
    result
}

async fn against(receiver: &mut std::process::Child) -> anyhow::Result<()> {
    let output = receiver.stdout.take().ok_or_else(|| anyhow::anyhow!("the receiver has no output"))?;
    let mut url = String::new();
    std::io::BufReader::new(output).read_line(&mut url)?;
    let url = url.trim().to_owned();

    let payload = serde_json::json!({ "id": 1, "text": "x".repeat(400) });
    let body: Arc<str> = Event::new("bench.sent").render(&payload)?.body.into();
    println!("{EVENTS} events to one subscription, body {} bytes, {ROUNDS} rounds, medians", body.len());
    let (mut bare, mut ours, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        bare.push(post_bare(&url, &body).await?);
        let before = cpu_seconds()?;
        ours.push(deliver(&url, &payload).await?);
        cpu.push((cpu_seconds()? - before) * 1000.0 / EVENTS as f64);
    }
    let (bare, ours, cpu) = (median(bare), median(ours), median(cpu));
    println!("bare loop            {bare:>8.0}/s   100 %");
    println!("thorn, SQLite file   {ours:>8.0}/s   {:.0} %", 100.0 * ours / bare);
    println!("CPU of thorn's process, writing the events included: {cpu:.2} s per 1,000 deliveries");
    println!("peak memory: {} MiB", peak_memory_mib()?);
    Ok(())
}

/// Posts per second without thorn.
async fn post_bare(url: &str, body: &Arc<str>) -> anyhow::Result<f64> {
    let client = reqwest::Client::builder().pool_max_idle_per_host(AT_ONCE).tcp_nodelay(true).no_proxy().build()?;
    let started = Instant::now();
    let mut posts = stream::iter(0..EVENTS)
        .map(|_| {
            let request = client.post(url).header("content-type", "application/json").body(body.to_string());
            async move { request.send().await?.error_for_status()?.bytes().await }
        })
        .buffer_unordered(AT_ONCE);
    while let Some(answer) = posts.next().await {
        answer?;
    }
    Ok(EVENTS as f64 / started.elapsed().as_secs_f64())
}

/// Deliveries per second of events that were committed before, until all are recorded.
async fn deliver(url: &str, payload: &serde_json::Value) -> anyhow::Result<f64> {
    let dir = tempfile::tempdir()?;
    let db = thorn::connect(&format!("sqlite://{}/bench.db", dir.path().display())).await?;
    thorn::migrate(&db).await?;
    let config = Config { allow_networks: vec!["127.0.0.0/8".parse()?], ..Config::default() };
    let thorn = Thorn::builder(db.clone()).config(config).build().await?;
    let new = NewSubscription { event: "bench.*".into(), url: url.to_owned(), ..NewSubscription::default() };
    thorn.subscriptions().create(new).await?;
    let events = (0..EVENTS).map(|_| Event::new("bench.sent").broadcast().render(payload));
    thorn::outbox::write(&db, events.collect::<Result<_, _>>()?).await?;

    let started = Instant::now();
    let worker = thorn.start_worker().await?;
    while recorded(&db).await? < EVENTS {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let rate = EVENTS as f64 / started.elapsed().as_secs_f64();
    worker.stop().await?;
    Ok(rate)
}

async fn recorded(db: &sea_orm::DatabaseConnection) -> anyhow::Result<usize> {
    use sea_orm::ConnectionTrait as _;
    let row = db.query_one_raw(sea_orm::Statement::from_string(
        db.get_database_backend(),
        "SELECT COUNT(*) AS n FROM thorn_delivery WHERE state = 'delivered'",
    ));
    let n: i64 = row.await?.map_or(Ok(0), |row| row.try_get("", "n"))?;
    Ok(usize::try_from(n)?)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// User and system time of this process.
fn cpu_seconds() -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / 100.0)
}

fn peak_memory_mib() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or("0").parse::<u64>()? / 1024)
}

/// Answers 204 to whatever comes.
async fn receive() -> anyhow::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer(stream));
    }
}

async fn answer(stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
        }
        body.resize(length, 0);
        stream.read_exact(&mut body).await?;
        stream.get_mut().write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await?;
    }
}
