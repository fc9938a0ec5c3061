//! The program `thorn`: a server beside any stack, its worker, and commands for operators.

#[path = "thorn/consumer.rs"]
mod consumer;
#[path = "thorn/database.rs"]
mod database;
#[path = "thorn/key.rs"]
mod key;
#[path = "thorn/listener.rs"]
mod listener;
#[path = "thorn/progress.rs"]
mod progress;
#[path = "thorn/program.rs"]
mod program;
#[path = "thorn/server.rs"]
mod server;
#[path = "thorn/worker.rs"]
mod worker;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Takes events over HTTP and delivers them as signed webhooks.
#[derive(Debug, Parser)]
#[command(name = "thorn", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Server(server::Arguments),
    Worker(worker::Arguments),
    Key(key::Arguments),
    Consumer(consumer::Arguments),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Server(arguments) => server::run(arguments).await,
        Command::Worker(arguments) => worker::run(arguments).await,
        Command::Key(arguments) => key::run(arguments).await,
        Command::Consumer(arguments) => consumer::run(arguments).await,
    };
    program::exit("thorn", result)
}
