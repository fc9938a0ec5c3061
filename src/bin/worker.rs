//! The worker as a program of its own: the same as `thorn worker`.

#[path = "thorn/database.rs"]
mod database;
#[path = "thorn/progress.rs"]
mod progress;
#[path = "thorn/program.rs"]
mod program;
#[path = "thorn/worker.rs"]
mod worker;

use std::process::ExitCode;

use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    program::exit("worker", worker::run(worker::Arguments::parse()).await)
}
