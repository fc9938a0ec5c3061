//! cargo bench --bench deliveries [-- one many hosts tls latency insert idle] [--peer] [--rounds N]
//!
//! Compares thorn's deliveries with the physical limit.
//!
//! Each run measures the limit too. The receiver and the worker run in their own processes, rounds are
//! interleaved, and figures are medians.
//!
//! - `bash .ci/run servers cargo bench --all-features --bench deliveries` also measures PostgreSQL and
//!   Redis. `--sqlite`, `--postgres` and `--redis` choose some of them.
//! - `one many --peer` lets another library deliver the same backlog.
//! - `hosts` delivers to thousands of URLs on 1,000 hosts, and `tls` to a receiver with TLS. They run only when named.
//! - Rates count from the first arrival. The time before it, from the worker's start, is a column of its own.
//! - `growth` measures how cost grows with the number of workers, deliveries and subscriptions, and draws
//!   `docs/growth.svg`. It runs only when named. A round takes three minutes, so the default is one round.

mod backlog;
mod bare;
mod growth;
mod insert;
mod latency;
mod peer;
mod place;
mod plot;
mod process;
mod receiver;
mod report;
mod summary;
mod target;
mod timeline;

use std::time::Duration;

use backlog::Backlog;
use peer::Peer;
use place::{Place, Site};
use process::Worker;
use receiver::Receiver;
use summary::{Column, Summary};
use target::Target;

/// The worker's allocator, so that the limit is measured with the same one.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> anyhow::Result<()> {
    // reqwest is built without a default provider. This is the one that thorn's own client uses.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [first, folder] = &*arguments
        && first == receiver::ARGUMENT
    {
        return tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(receiver::receive(folder.as_ref()));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(measure(&arguments))
}

async fn measure(arguments: &[String]) -> anyhow::Result<()> {
    let after = arguments.iter().position(|argument| argument == "--rounds");
    let given = after.and_then(|at| arguments.get(at + 1)).map(|rounds| rounds.parse()).transpose()?;
    let rounds = given.unwrap_or(5);
    let scenarios = &arguments[..after.unwrap_or(arguments.len())];
    let peer = if arguments.iter().any(|argument| argument == "--peer") { Some(Peer::build()?) } else { None };
    let wanted = |scenario: &str| {
        scenarios.iter().all(|one| one.starts_with("--")) || scenarios.iter().any(|one| one == scenario)
    };
    let (receiver, places) = (Receiver::start()?, Place::wanted(scenarios));

    let mut summary = Summary::default();

    if wanted("idle") {
        let mut rows = Vec::new();
        for place in &places {
            let site = Site::new(*place).await?;
            let worker = Worker::start(&site.url, site.queue_url.as_deref(), &receiver.certificate())?;
            tokio::time::sleep(Duration::from_secs(3)).await;
            let resident = format!("{:.0} MiB", process::memory(worker.pid())?.0);
            summary.add(&place.to_string(), Column::Memory, &resident);
            rows.push(vec![place.to_string(), resident]);
            worker.stop()?;
        }
        report::table("Memory of an idle worker", &["", "resident"], &rows);
    }
    let backlogs = [("one", Column::One, Backlog::new(100_000, 1)), ("many", Column::Many, Backlog::new(2_000, 100))];
    for (scenario, column, backlog) in backlogs {
        if wanted(scenario) {
            let title = format!("{} events to {} subscriptions each", backlog.events, backlog.subscriptions);
            let mut lines = backlog.measure(&places, rounds, &receiver).await?;
            if let Some(peer) = &peer {
                lines.extend(peer.measure(backlog, &places, rounds, &receiver).await?);
            }
            report::rates(&title, &lines);
            summary.rates(column, &lines);
        }
    }
    let (hosts, tls) = (Target::Hosts(1_000), Target::Tls);
    let rare = [
        ("hosts", "10 events to 10,000 URLs on 1,000 hosts", Backlog::new(10, 10_000).to(hosts)),
        ("hosts", "10 events to 5,000 URLs on 1,000 hosts", Backlog::new(10, 5_000).to(hosts)),
        ("hosts", "1 event to 50,000 URLs on 1,000 hosts", Backlog::new(1, 50_000).to(hosts)),
        ("tls", "100,000 events to one URL, TLS", Backlog::new(100_000, 1).to(tls)),
        ("tls", "1,000 events to 100 URLs each, TLS", Backlog::new(1_000, 100).to(tls)),
    ];
    for (_, title, backlog) in rare.iter().filter(|(scenario, ..)| scenarios.iter().any(|one| one == scenario)) {
        report::rates(title, &backlog.measure(&places, rounds, &receiver).await?);
    }
    if scenarios.iter().any(|one| one == "growth") {
        growth::measure(&places, given.unwrap_or(1), &receiver).await?;
    }
    if wanted("latency") {
        let mut rows = Vec::new();
        for place in &places {
            let quantiles = latency::measure(*place, rounds, &receiver).await?;
            for quantile in [&quantiles[0], &quantiles[2]] {
                summary.add(&place.to_string(), Column::Latency, quantile);
            }
            let worker = if place.has_worker_inside() { "worker in the process" } else { "worker in another process" };
            rows.push(std::iter::once(format!("{place}, {worker}")).chain(quantiles).collect());
        }
        let head = ["", "p50", "p95", "p99", "p99 of the commit itself"];
        report::table("Commit to arrival, 50 events a second", &head, &rows);
    }
    if wanted("insert") {
        let mut rows = Vec::new();
        for place in places.iter().filter(|place| **place != Place::Redis) {
            for (saves, [without, with, ratio]) in insert::measure(*place, rounds).await? {
                if saves.is_compared() {
                    summary.add(&place.to_string(), Column::Saves, &ratio);
                }
                rows.push(vec![format!("{place}, {}", saves.name()), without, with, ratio]);
            }
        }
        report::table("A save, for each row", &["", "plain", "with webhook", "ratio"], &rows);
    }
    summary.print();
    Ok(())
}
