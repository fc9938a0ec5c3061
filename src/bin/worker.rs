//! The background worker: relays committed events and delivers them, until it is told to stop.

use std::{
    io::{IsTerminal as _, Write as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::Parser;
use thorn::{
    Config, Thorn,
    worker::{Snapshot, Worker},
};
use tracing_subscriber::EnvFilter;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Delivers the webhooks of every application that writes to this database.
///
/// Run as many as you like; they share the work. SIGTERM or Ctrl-C stops one cleanly: requests
/// under way finish, the rest is handed back.
#[derive(Debug, Parser)]
#[command(version, after_help = SETTINGS)]
struct Arguments {
    /// The application's database.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite://thorn.db", hide_env_values = true)]
    database_url: String,
    /// Show backlog, rate and failures while working [default: on a terminal].
    #[arg(long)]
    progress: bool,
}

const SETTINGS: &str = "\
Settings from the environment (durations in seconds):
  THORN_ALLOW_NETWORKS   networks that may be delivered to on any port, such as 10.0.0.0/8 [public addresses only]
  THORN_ALLOW_PORTS      ports of public addresses [80,443]
  THORN_RECIPIENT_VALIDATORS  rules separated by `;`, such as protocols=https;ports=443,8443
  THORN_SUBSCRIBERS      JSON file of subscriptions [none]
  THORN_EVENT_TIMEOUT    total deadline of one attempt [15]
  THORN_RETRY            whether failures are retried [true]
  THORN_RETRY_MAX        retries [10]
  THORN_RETRY_DELAY      wait before the first retry; it grows fourfold up to 12 h [5]
  THORN_SECRET_KEY       32 bytes in base64 that encrypt secrets at rest [none]
  THORN_CHUNKSIZE        deliveries of one task [100]
  THORN_TAKEOVER         silence after which another worker takes over [20]
  THORN_AUDIT_AFTER      time after which deliveries are reconciled [60]
  THORN_POLL_INTERVAL    how often an idle worker looks for work [0.1]
  THORN_DISABLE_AFTER    failing time after which a subscription is disabled, or none [259200]
  THORN_KEEP             time for which events and deliveries are kept, or none [2592000]
  THORN_KEEP_UNHEARD     the same for events that nobody heard of, or none [86400]
  THORN_QUEUE_URL        redis://… or rediss://…, or memory: if this is the only process [the application's database]
  THORN_QUEUE_NAME       separates applications that share a queue [thorn]
Read along with these, and of use to applications only:
  THORN_BASE_URL         joined with events' references that are paths [none]
  THORN_MAX_EVENT_BYTES  bytes a rendered event may have [262144]
  THORN_DISPATCHER       queue, inline or disabled [queue]
  THORN_INLINE_CONCURRENCY  requests at once of inline delivery [16]
  THORN_HMAC_SIGNER      how Hook-HMAC of new subscriptions is made: hmac, or compat with Python's Thorn [hmac]
  THORN_EVENT_CHOICES    names of which subscriptions must mean one [any]
Logging:
  RUST_LOG               what is logged [info]";

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        // For a person: what was attempted and why it failed, without a backtrace.
        Err(error) => {
            eprintln!("worker: {error}");
            if let Some(cause) = error.chain().nth(1) {
                eprintln!("{cause}");
            }
            ExitCode::FAILURE
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let progress = arguments.progress || std::io::stderr().is_terminal();
    let default = if progress { "warn" } else { "info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();

    let config = Config::from_env().context("the environment has settings that can't be read")?;
    let db = thorn::connect(&arguments.database_url)
        .await
        .context("set DATABASE_URL to the application's database, for example sqlite://app.db")?;
    thorn::migration::migrate(&db).await.context("thorn's tables can't be made")?;
    let thorn = Thorn::builder(db).config(config).build().await?;
    // Before it starts: a signal that found nobody listening would end it in the midst of its first tasks.
    let stop = stop_signal()?;
    let worker = thorn.start_worker().await?;
    tokio::select! {
        _ = stop => {}
        never = show_progress(&thorn, &worker), if progress => never,
    }
    worker.stop().await.context("the queue failed while stopping")?;
    Ok(())
}

/// Listens from now on; what it returns resolves when the process is asked to stop.
#[cfg(unix)]
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Resolves when the process is asked to stop.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = std::io::Result<()>>> {
    Ok(tokio::signal::ctrl_c())
}

/// Writes a status line each second.
async fn show_progress(thorn: &Thorn, worker: &Worker) {
    let mut before = Snapshot::default();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tick.tick().await;
        let now = worker.counters();
        let rate = now.delivered - before.delivered;
        before = now;
        let backlog = match thorn.status().await {
            Ok(status) => format!("{} events waiting · {} deliveries to retry", status.unrelayed, status.waiting),
            Err(_) => "the database doesn't answer".to_owned(),
        };
        let line = format!("{rate}/s · {} delivered · {} attempts failed · {backlog}", now.delivered, now.failed);
        // A terminal that is gone is no reason to stop delivering.
        let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
        let _ = std::io::stderr().flush();
    }
}
