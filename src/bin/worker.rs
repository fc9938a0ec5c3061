//! The worker as a program: relays committed events and delivers them until it is told to stop.

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
/// You can run several workers, which share the work. SIGTERM or Ctrl-C stops a worker cleanly: it
/// finishes the requests that are under way and hands the rest back.
#[derive(Debug, Parser)]
#[command(version, after_help = settings())]
struct Arguments {
    /// URL of the application's database.
    #[arg(long, env = "DATABASE_URL", default_value = "sqlite://thorn.db", hide_env_values = true)]
    database_url: String,
    /// Show the backlog, rate and failures while running [default: only on a terminal].
    #[arg(long)]
    progress: bool,
}

/// The text below the options in `--help`.
fn settings() -> String {
    format!("{}\nLogging:\n  RUST_LOG [info, on a terminal warn]\n      what is logged", Config::variables_help())
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        // Print what failed and why, for a person: no backtrace.
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

    let config = Config::from_env().context("invalid settings in the environment")?;
    let db = thorn::connect(&arguments.database_url)
        .await
        .context("set DATABASE_URL to the application's database, for example sqlite://app.db")?;
    thorn::migration::migrate(&db).await.context("can't create thorn's tables")?;
    let thorn = Thorn::builder(db).config(config).build().await?;
    // Listen before the worker starts. Otherwise an early signal would kill it while it runs its first tasks.
    let stop = stop_signal()?;
    let worker = thorn.start_worker().await?;
    tokio::select! {
        _ = stop => {}
        never = show_progress(&thorn, &worker), if progress => never,
    }
    worker.stop().await.context("the queue failed while stopping")?;
    Ok(())
}

/// Listens for signals from now on. The future resolves when the process is asked to stop.
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

/// Returns a future that resolves when the process is asked to stop.
#[cfg(not(unix))]
fn stop_signal() -> std::io::Result<impl Future<Output = std::io::Result<()>>> {
    Ok(tokio::signal::ctrl_c())
}

/// Updates a status line every second.
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
        // Keep delivering if the terminal is gone.
        let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
        let _ = std::io::stderr().flush();
    }
}
