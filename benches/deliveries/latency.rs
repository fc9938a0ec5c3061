//! Commit to arrival, while the queue is idle.

use std::{collections::HashMap, time::Duration};

use thorn::{Event, subscription::NewSubscription};

use crate::{
    backlog::payload,
    place::{Place, Site},
    process::Worker,
    receiver::{Receiver, micros},
    report::quantile,
};

const EVENTS: usize = 500;
const EVERY: Duration = Duration::from_millis(20);

/// A row of the table: p50, p95, p99 in milliseconds. On SQLite the worker is in the application's
/// process, as it is by default; on a server it is a process of its own.
pub(crate) async fn measure(place: Place, receiver: &Receiver) -> anyhow::Result<Vec<String>> {
    let site = Site::new(place).await?;
    let new = NewSubscription { event: "bench.*".into(), url: receiver.url("log"), ..NewSubscription::default() };
    site.thorn.subscriptions().create(new).await?;
    let (inside, outside) = match place {
        Place::Sqlite => (Some(site.thorn.start_worker().await?), None),
        Place::Postgres | Place::Redis => (None, Some(Worker::start(&site.url, site.queue_url.as_deref())?)),
    };
    // Until everything is connected.
    send(&site, 0).await?;
    site.recorded(1).await?;
    receiver.arrivals()?;

    let mut committed = HashMap::new();
    let mut tick = tokio::time::interval(EVERY);
    for n in 1..=EVENTS {
        tick.tick().await;
        send(&site, n).await?;
        committed.insert(n, micros());
    }
    site.recorded(EVENTS + 1).await?;
    let arrivals = receiver.arrivals()?;
    let late = |(n, at): &(usize, u64)| Some(at.saturating_sub(*committed.get(n)?) as f64 / 1000.0);
    let late: Vec<f64> = arrivals.iter().filter_map(late).collect();
    anyhow::ensure!(late.len() == EVENTS, "{} of {EVENTS} arrived", late.len());
    if let Some(worker) = inside {
        worker.stop().await?;
    }
    if let Some(worker) = outside {
        worker.stop()?;
    }
    let quantiles = [0.5, 0.95, 0.99].map(|part| format!("{:.1} ms", quantile(late.iter().copied(), part)));
    let who = if place == Place::Sqlite { "worker in the process" } else { "worker in another process" };
    Ok([format!("{place}, {who}")].into_iter().chain(quantiles).collect())
}

async fn send(site: &Site, n: usize) -> anyhow::Result<()> {
    let event = Event::new("bench.sent").broadcast().render(&payload(n))?;
    thorn::outbox::write(&site.db, vec![event]).await?;
    Ok(())
}
