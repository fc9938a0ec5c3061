//! Events that are already committed, until they are delivered and recorded.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use thorn::{Event, subscription::NewSubscription};

use crate::{
    bare,
    place::{Place, Site},
    process::{self, Worker},
    receiver::Receiver,
    report::{Line, median},
};

/// How much work.
#[derive(Clone, Copy)]
pub(crate) struct Backlog {
    pub(crate) events: usize,
    /// Each with a URL of its own.
    pub(crate) subscriptions: usize,
    pub(crate) workers: usize,
}

/// What one round found.
struct Found {
    rate: f64,
    /// Seconds of CPU: workers, database, queue.
    cpu: [f64; 3],
    /// The highest of a worker, in MiB.
    memory: f64,
}

impl Backlog {
    pub(crate) const fn new(events: usize, subscriptions: usize) -> Self {
        Self { events, subscriptions, workers: 1 }
    }

    pub(crate) const fn deliveries(self) -> usize {
        self.events * self.subscriptions
    }

    /// Rounds of the bare loop and of each place, in turn.
    pub(crate) async fn measure(
        self,
        places: &[Place],
        rounds: usize,
        receiver: &Receiver,
    ) -> anyhow::Result<Vec<Line>> {
        let mut bare = Vec::new();
        let mut found: BTreeMap<Place, Vec<Found>> = BTreeMap::new();
        for _ in 0..rounds {
            let body = Event::new("bench.sent").render(&payload(0))?.body;
            let before = receiver.connections()?;
            bare.push(bare::post(&receiver.url("bare"), &body, self.deliveries()).await?);
            eprintln!("bare: {} connections", receiver.connections()? - before);
            for place in places {
                let before = receiver.connections()?;
                found.entry(*place).or_default().push(self.run(*place, receiver).await?);
                eprintln!("{place}: {} connections", receiver.connections()? - before);
            }
        }
        let [rate, cpu] = [0, 1].map(|what| median(bare.iter().map(|bare: &[f64; 2]| bare[what])));
        let mut lines = vec![Line::limit(rate, cpu)];
        for (place, found) in found {
            let ratios = found.iter().zip(&bare).map(|(found, bare)| found.rate / bare[0]);
            let cpu = [0, 1, 2]
                .map(|who| median(found.iter().map(|found| found.cpu[who] * 1000.0 / self.deliveries() as f64)));
            lines.push(Line {
                what: place.to_string(),
                rate: median(found.iter().map(|found| found.rate)),
                ratio: median(ratios),
                cpu,
                memory: Some(median(found.iter().map(|found| found.memory))),
            });
        }
        Ok(lines)
    }

    async fn run(self, place: Place, receiver: &Receiver) -> anyhow::Result<Found> {
        let site = Site::new(place).await?;
        for n in 0..self.subscriptions {
            let url = receiver.url(format_args!("{n}"));
            let new = NewSubscription { event: "bench.*".into(), url, ..NewSubscription::default() };
            site.thorn.subscriptions().create(new).await?;
        }
        let events = (0..self.events).map(|n| Event::new("bench.sent").broadcast().render(&payload(n)));
        thorn::outbox::write(&site.db, events.collect::<Result<_, _>>()?).await?;
        let (before, servers_before) = (receiver.count()?, site.servers_cpu()?);

        let started = Instant::now();
        let start = || Worker::start(&site.url, site.queue_url.as_deref());
        let workers = (0..self.workers).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
        while receiver.count()? < before + self.deliveries() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        site.recorded(self.deliveries()).await?;
        let rate = self.deliveries() as f64 / started.elapsed().as_secs_f64();

        let servers = site.servers_cpu()?;
        let (mut cpu, mut memory) = (0.0, 0.0_f64);
        for worker in &workers {
            cpu += process::cpu_with_children(worker.pid())?;
            memory = memory.max(process::memory(worker.pid())?.1);
        }
        for worker in workers {
            worker.stop()?;
        }
        anyhow::ensure!(receiver.count()? == before + self.deliveries(), "something was delivered twice");
        let cpu = [cpu, servers[0] - servers_before[0], servers[1] - servers_before[1]];
        Ok(Found { rate, cpu, memory })
    }
}

/// Some 470 bytes once it is rendered.
pub(crate) fn payload(n: usize) -> serde_json::Value {
    serde_json::json!({ "n": n, "text": "x".repeat(400) })
}
