//! cargo bench --bench deliveries [-- one many latency insert idle] [--rounds N]
//!
//! How much of the physical limit thorn reaches. Everything is measured in the same run as the limit,
//! with the receiver and the worker in processes of their own; rounds are interleaved, figures are
//! medians. `bash .ci/run servers cargo bench --all-features --bench deliveries` measures PostgreSQL and
//! Redis as well.

mod backlog;
mod bare;
mod insert;
mod latency;
mod place;
mod process;
mod receiver;
mod report;

use std::time::Duration;

use backlog::Backlog;
use place::{Place, Site};
use process::Worker;
use receiver::Receiver;

fn main() -> anyhow::Result<()> {
    // reqwest is built without a default; thorn names the same one for its own client.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.first().is_some_and(|first| first == receiver::ARGUMENT) {
        return tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(receiver::receive());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(&arguments))
}

async fn measure(arguments: &[String]) -> anyhow::Result<()> {
    let after = arguments.iter().position(|argument| argument == "--rounds");
    let rounds = after.and_then(|at| arguments.get(at + 1)).map_or(Ok(5), |rounds| rounds.parse())?;
    let scenarios = &arguments[..after.unwrap_or(arguments.len())];
    let wanted = |scenario: &str| scenarios.is_empty() || scenarios.iter().any(|one| one == scenario);
    let (receiver, places) = (Receiver::start()?, Place::available());

    for (scenario, backlog) in [("one", Backlog::new(20_000, 1)), ("many", Backlog::new(500, 100))] {
        if wanted(scenario) {
            let title = format!("{} events to {} subscriptions each", backlog.events, backlog.subscriptions);
            report::rates(&title, &backlog.measure(&places, rounds, &receiver).await?);
        }
    }
    if wanted("latency") {
        let mut rows = Vec::new();
        for place in &places {
            rows.push(latency::measure(*place, &receiver).await?);
        }
        report::table("Commit to arrival, 50 events a second", &["", "p50", "p95", "p99"], &rows);
    }
    if wanted("insert") {
        let mut rows = Vec::new();
        for place in places.iter().filter(|place| **place != Place::Redis) {
            rows.extend(insert::measure(*place, rounds).await?);
        }
        report::table("A save, for each row", &["", "plain", "with webhook", "ratio"], &rows);
    }
    if wanted("idle") {
        let mut rows = Vec::new();
        for place in &places {
            let site = Site::new(*place).await?;
            let worker = Worker::start(&site.url, site.queue_url.as_deref())?;
            tokio::time::sleep(Duration::from_secs(3)).await;
            rows.push(vec![place.to_string(), format!("{:.0} MiB", process::memory(worker.pid())?.0)]);
            worker.stop()?;
        }
        report::table("Memory of an idle worker", &["", "resident"], &rows);
    }
    Ok(())
}
