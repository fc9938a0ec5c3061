//! cargo bench --all-features --bench server [-- idle busy dispatches log] [--small] [--rounds N]
//!
//! Measures the stand-alone server, which runs in a process of its own.
//!
//! - `idle` opens 10,000 streams that nothing comes out of, and divides the server's memory by them.
//! - `busy` measures the time from an event's commit to its arrival on each of 1,000 streams, and on a single one.
//! - `dispatches` posts to `/dispatch` and measures what is accepted and what is delivered, beside a bare loop that posts
//!   to the same receiver.
//! - `log` commits events with and without the log.
//!
//! `bash .ci/run servers cargo bench --all-features --bench server` also measures PostgreSQL. `--sqlite` and `--postgres`
//! choose one of them. `--small` makes everything ten times smaller, to see whether it works.

#[path = "../deliveries/bare.rs"]
mod bare;
mod busy;
mod dispatches;
mod idle;
mod numbering;
#[allow(dead_code, reason = "shared with the other benchmark, which uses the rest")]
#[path = "../deliveries/place.rs"]
mod place;
#[allow(dead_code, reason = "shared with the other benchmark, which uses the rest")]
#[path = "../deliveries/process.rs"]
mod process;
#[allow(dead_code, reason = "shared with the other benchmark, which uses the rest")]
#[path = "../deliveries/receiver.rs"]
mod receiver;
#[allow(dead_code, reason = "shared with the other benchmark, which uses the rest")]
#[path = "../deliveries/report.rs"]
mod report;
mod server;
mod stream;
#[allow(dead_code, reason = "shared with the other benchmark, which uses the rest")]
#[path = "../deliveries/target.rs"]
mod target;
#[allow(dead_code, reason = "shared with the other benchmark, which uses the rest")]
#[path = "../deliveries/timeline.rs"]
mod timeline;

use place::Place;
use receiver::Receiver;

/// The server's allocator, so that the limit is measured with the same one.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How much is measured.
#[derive(Clone, Copy)]
struct Scale {
    rounds: usize,
    /// Numbers of streams and events are divided by it.
    divisor: usize,
}

fn main() -> anyhow::Result<()> {
    // reqwest is built without a default provider. This is the one that thorn's own client uses.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    if let [first, folder] = &*arguments
        && first == receiver::ARGUMENT
    {
        return runtime.block_on(receiver::receive(folder.as_ref()));
    }
    runtime.block_on(measure(&arguments))
}

async fn measure(arguments: &[String]) -> anyhow::Result<()> {
    // Each stream takes a descriptor here, and one of the server's.
    thorn::worker::raise_descriptor_limit()?;
    let after = arguments.iter().position(|argument| argument == "--rounds");
    let given = after.and_then(|at| arguments.get(at + 1)).map(|rounds| rounds.parse()).transpose()?;
    let divisor = if arguments.iter().any(|argument| argument == "--small") { 10 } else { 1 };
    let scale = Scale { rounds: given.unwrap_or(3), divisor };
    let scenarios = &arguments[..after.unwrap_or(arguments.len())];
    let wanted = |scenario: &str| {
        scenarios.iter().all(|one| one.starts_with("--")) || scenarios.iter().any(|one| one == scenario)
    };
    let places: Vec<_> = Place::wanted(scenarios).into_iter().filter(|place| *place != Place::Redis).collect();
    let mut rows = Vec::new();
    if wanted("idle") {
        let [streams, each] = idle::measure(places[0], scale).await?;
        report::table("Memory of an idle stream in the server's process", &["streams", "each"], &[vec![streams, each]]);
    }
    if wanted("busy") {
        for place in &places {
            rows.extend(busy::measure(*place, scale).await?);
        }
        report::table("Commit to stream, 20 events a second", &["", "p50", "p99", "slowest"], &rows);
    }
    if wanted("dispatches") {
        let receiver = Receiver::start()?;
        rows.clear();
        for place in &places {
            rows.push(dispatches::measure(*place, scale, &receiver).await?);
        }
        let head = ["", "accepted/s", "delivered and recorded/s", "bare loop/s", "delivered, of the loop"];
        report::table("Dispatches of 400 bytes to one target", &head, &rows);
    }
    if wanted("log") {
        rows.clear();
        for place in &places {
            rows.push(numbering::measure(*place, scale).await?);
        }
        let head = ["", "without the log", "with it, committed", "with it, numbered", "ratio of the first two"];
        report::table("Events/s, one commit each by 8 writers", &head, &rows);
    }
    Ok(())
}
