//! `thorn server`: serves HTTP, with a worker inside.

use std::{
    io::{IsTerminal as _, Write as _, stderr},
    net::SocketAddr,
};

use anyhow::Context as _;
use clap::Parser;
use thorn::{
    Config, Thorn,
    error::{Error, InvalidOption},
    timestamp::Timestamp,
    worker::{raise_descriptor_limit, stop_signal},
};
use tokio::net::TcpListener;

use crate::{
    database::{Database, migrate},
    listener, program,
};

/// Takes events over HTTP and delivers them, with a worker inside.
///
/// Callers need an API key. On loopback, the first start makes an operator's key and prints it once.
/// Several servers may run on one database. SIGTERM or Ctrl-C stops a server cleanly: it finishes the
/// requests that are under way.
#[derive(Debug, Parser)]
#[command(after_help = settings())]
pub(crate) struct Arguments {
    #[command(flatten)]
    database: Database,
    /// Deliver nothing in this process; run `thorn worker` beside it.
    #[arg(long)]
    no_worker: bool,
}

/// The text below the options in `--help`.
fn settings() -> String {
    format!(
        "{}\nLogging:\n  RUST_LOG [info, on a terminal warn]\n      what is logged",
        Config::server_variables_help()
    )
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    program::log(if stderr().is_terminal() { "warn" } else { "info" });
    let config = Config::from_env()?;
    // A server with a low limit works, too, and the log says why the limit stays.
    let _ = raise_descriptor_limit();
    let listen = config.server.listen;
    let db = arguments.database.connect().await?;
    let builder = Thorn::builder(db.clone()).config(config.clone()).event_log(true);
    if arguments.no_worker {
        config.check()?;
    } else {
        builder.check_for_worker()?;
    }
    migrate(&db).await?;
    let thorn = builder.build().await?;
    check_keys(&thorn, listen).await?;
    // Listen for signals before the worker starts. Otherwise an early one would kill it while it runs its first tasks.
    let stop = stop_signal()?;
    let socket = TcpListener::bind(listen).await;
    let socket = socket.with_context(|| format!("can't listen on {listen}; set THORN_LISTEN to another address"))?;
    let listen = socket.local_addr()?;
    let worker = if arguments.no_worker { None } else { Some(thorn.start_worker().await?) };
    make_first_key(&thorn, listen).await?;
    let _ = writeln!(stderr(), "thorn: listening on http://{listen}");
    let streams = thorn.streams()?.clone();
    // Streams don't end by themselves. Their clients come back, to another server if there is one.
    let stop = async {
        stop.await;
        streams.close();
    };
    listener::serve(socket, thorn::engine(&thorn, listen), stop).await;
    if let Some(worker) = worker {
        worker.stop().await.context("the queue failed while stopping")?;
    }
    Ok(())
}

/// Refuses an address that others reach if nobody could have a key.
async fn check_keys(thorn: &Thorn, listen: SocketAddr) -> anyhow::Result<()> {
    if listen.ip().is_loopback() || thorn.api_keys().any_valid(Timestamp::now()).await? {
        return Ok(());
    }
    let reason = format!("{listen} isn't loopback, and there is no API key; make one with `thorn key create` first");
    Err(Error::Option(InvalidOption { option: "THORN_LISTEN", reason }).into())
}

/// Makes and prints an operator's key if there has never been a key. Only this machine reaches the server then.
async fn make_first_key(thorn: &Thorn, listen: SocketAddr) -> anyhow::Result<()> {
    if listen.ip().is_loopback()
        && let Some((_, token)) = thorn.api_keys().create_first("first start").await?
    {
        let token = token.expose();
        let _ = writeln!(stderr(), "thorn: the first API key, an operator's, which isn't shown again:\n{token}");
    }
    Ok(())
}
