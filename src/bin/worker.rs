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
    event::printable,
    worker::{Snapshot, Worker, raise_descriptor_limit, stop_signal},
};
use tracing_subscriber::{
    EnvFilter,
    field::MakeExt as _,
    fmt::{FormatFields, format},
};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DEFAULT_URL: &str = "sqlite://thorn.db";

/// Delivers the webhooks of every application that writes to this database.
///
/// You can run several workers, which share the work. SIGTERM or Ctrl-C stops a worker cleanly: it
/// finishes the requests that are under way and hands the rest back.
#[derive(Debug, Parser)]
#[command(version, after_help = settings())]
struct Arguments {
    /// URL of the application's database.
    #[arg(long, env = "DATABASE_URL", default_value = DEFAULT_URL, hide_env_values = true)]
    database_url: String,
    /// Create the SQLite file that the URL names if there is none. The default one is always created.
    #[arg(long)]
    create: bool,
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
            let mut stderr = std::io::stderr();
            let _ = writeln!(stderr, "worker: {}", printable(&error.to_string()));
            if let Some(cause) = error.chain().nth(1) {
                // A list of mistakes has several lines.
                for line in cause.to_string().lines() {
                    let _ = writeln!(stderr, "{}", printable(line));
                }
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
    // A line that can't be written is lost. By default its error would go to stderr as well, and panic.
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .log_internal_errors(false)
        .fmt_fields(printable_fields())
        .init();

    // A worker with a low limit works, too, and the log says why the limit stays.
    let _ = raise_descriptor_limit();
    let config = Config::from_env().context("invalid settings in the environment")?;
    let url = &arguments.database_url;
    if let (false, Some(file)) = (arguments.create || url == DEFAULT_URL, missing_file(url)) {
        anyhow::bail!(
            "there is no file {file}; set DATABASE_URL ({url}) to the application's database, or pass --create for a new one"
        );
    }
    let db = thorn::connect(&arguments.database_url)
        .await
        .context("set DATABASE_URL to the application's database, for example sqlite://app.db")?;
    let builder = Thorn::builder(db.clone()).config(config);
    builder.check_for_worker()?;
    thorn::migration::migrate(&db).await.context("can't create thorn's tables")?;
    let thorn = builder.build().await?;
    // Listen before the worker starts. Otherwise an early signal would kill it while it runs its first tasks.
    let stop = stop_signal()?;
    let worker = thorn.start_worker().await?;
    tokio::select! {
        () = stop => {}
        never = show_progress(&thorn, &worker), if progress => never,
    }
    worker.stop().await.context("the queue failed while stopping")?;
    Ok(())
}

/// Writes the fields of a log line. Characters that act on a terminal are escaped, because data may hold them.
fn printable_fields() -> impl for<'w> FormatFields<'w> + Send + Sync + 'static {
    format::debug_fn(|writer, field, value| {
        let value = format!("{value:?}");
        match field.name() {
            "message" => write!(writer, "{}", printable(&value)),
            name => write!(writer, "{name}={}", printable(&value)),
        }
    })
    .delimited(" ")
}

/// The file that a URL of SQLite names, if it doesn't exist and the URL doesn't say to create it.
fn missing_file(url: &str) -> Option<&str> {
    let path = url.strip_prefix("sqlite:")?;
    let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
    let path = path.trim_start_matches("//");
    let is_created = parameters.split('&').any(|parameter| matches!(parameter, "mode=rwc" | "mode=memory"));
    let is_file = !path.is_empty() && path != ":memory:" && !path.contains('%');
    (is_file && !is_created && !std::path::Path::new(path).exists()).then_some(path)
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
