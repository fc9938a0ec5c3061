//! Measures the time from commit to arrival while the queue is idle.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use thorn::{Event, subscription::NewSubscription};

use crate::{
    backlog::payload,
    place::{Place, Site},
    process::Worker,
    receiver::{Receiver, micros},
    report::{median, quantile},
};

const EVENTS: usize = 500;
/// Events to send first, so that every connection has its statements prepared.
const WARM_UP: usize = 20;
const EVERY: Duration = Duration::from_millis(20);

const QUANTILES: [f64; 3] = [0.5, 0.95, 0.99];

/// Returns the p50, p95 and p99, and the p99 of the commits alone, which is the disk's. Each is the median
/// of the rounds.
pub(crate) async fn measure(place: Place, rounds: usize, receiver: &Receiver) -> anyhow::Result<[String; 4]> {
    let mut found = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        found.push(round(place, receiver).await?);
    }
    Ok([0, 1, 2, 3].map(|figure| format!("{:.1} ms", median(found.iter().map(|round: &[f64; 4]| round[figure])))))
}

/// The figures of one round, in milliseconds.
async fn round(place: Place, receiver: &Receiver) -> anyhow::Result<[f64; 4]> {
    let site = Site::new(place).await?;
    let new = NewSubscription::new("bench.*", receiver.url("log"));
    site.thorn.subscriptions().create(new).await?;
    let (inside, outside) = if place.has_worker_inside() {
        (Some(site.thorn.start_worker().await?), None)
    } else {
        (None, Some(Worker::start(&site.url, site.queue_url.as_deref(), &receiver.certificate())?))
    };
    for n in 1..=WARM_UP {
        send(&site, 0).await?;
        site.recorded(n).await?;
    }
    site.settle().await?;
    receiver.arrivals()?;

    let (mut committed, mut commits) = (HashMap::new(), Vec::with_capacity(EVENTS));
    let mut tick = tokio::time::interval(EVERY);
    for n in 1..=EVENTS {
        tick.tick().await;
        let before = Instant::now();
        send(&site, n).await?;
        committed.insert(n, micros());
        commits.push(before.elapsed().as_secs_f64() * 1000.0);
    }
    site.recorded(WARM_UP + EVENTS).await?;
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
    let [p50, p95, p99] = QUANTILES.map(|part| quantile(late.iter().copied(), part));
    Ok([p50, p95, p99, quantile(commits, QUANTILES[2])])
}

async fn send(site: &Site, n: usize) -> anyhow::Result<()> {
    let event = Event::new("bench.sent").broadcast().render(&payload(n))?;
    thorn::outbox::write(&site.db, vec![event]).await?;
    Ok(())
}
