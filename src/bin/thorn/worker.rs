//! `thorn worker`: relays committed events and delivers them until it is told to stop.

use std::io::IsTerminal as _;

use anyhow::Context as _;
use clap::Parser;
use thorn::{
    Config, Thorn,
    worker::{raise_descriptor_limit, stop_signal},
};

use crate::{
    database::{Database, migrate},
    program, progress,
};

/// Delivers the webhooks of every application that writes to this database.
///
/// You can run several workers, which share the work. SIGTERM or Ctrl-C stops a worker cleanly: it
/// finishes the requests that are under way and hands the rest back.
#[derive(Debug, Parser)]
#[command(version, after_help = settings())]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: Database,
    /// Show the backlog, rate and failures while running [default: only on a terminal].
    #[arg(long)]
    progress: bool,
}

/// The text below the options in `--help`.
fn settings() -> String {
    format!("{}\nLogging:\n  RUST_LOG [info, on a terminal warn]\n      what is logged", Config::variables_help())
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let with_progress = arguments.progress || std::io::stderr().is_terminal();
    program::log(if with_progress { "warn" } else { "info" });
    let config = Config::from_env()?;
    // A worker with a low limit works, too, and the log says why the limit stays.
    let _ = raise_descriptor_limit();
    let db = arguments.database.connect().await?;
    let builder = Thorn::builder(db.clone()).config(config);
    builder.check_for_worker()?;
    migrate(&db).await?;
    let thorn = builder.build().await?;
    // Listen before the worker starts. Otherwise an early signal would kill it while it runs its first tasks.
    let stop = stop_signal()?;
    let worker = thorn.start_worker().await?;
    tokio::select! {
        () = stop => {}
        () = progress::show(&thorn, &worker), if with_progress => {}
    }
    worker.stop().await.context("the queue failed while stopping")
}
