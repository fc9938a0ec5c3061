//! Delivers a backlog of committed events, until every delivery is recorded.

use std::{collections::BTreeMap, time::Instant};

use thorn::{Event, subscription::NewSubscription};

use crate::{
    bare,
    place::{Place, Site},
    process::{self, Worker},
    receiver::{Receiver, micros},
    report::{Line, Round, median},
    target::Target,
};

/// The size of a backlog, and the workers that deliver it.
#[derive(Clone, Copy)]
pub(crate) struct Backlog {
    pub(crate) events: usize,
    /// Each has its own URL.
    pub(crate) subscriptions: usize,
    pub(crate) workers: usize,
    pub(crate) target: Target,
}

impl Backlog {
    pub(crate) const fn new(events: usize, subscriptions: usize) -> Self {
        Self { events, subscriptions, workers: 1, target: Target::Host }
    }

    pub(crate) const fn to(self, target: Target) -> Self {
        Self { target, ..self }
    }

    pub(crate) const fn deliveries(self) -> usize {
        self.events * self.subscriptions
    }

    /// Runs the bare loop and each place in turn, `rounds` times.
    pub(crate) async fn measure(
        self,
        places: &[Place],
        rounds: usize,
        receiver: &Receiver,
    ) -> anyhow::Result<Vec<Line>> {
        let urls = receiver.urls(self.target, self.subscriptions);
        let mut bare = Vec::new();
        let mut measured: BTreeMap<Place, Vec<Round>> = BTreeMap::new();
        for _ in 0..rounds {
            let body = Event::new("bench.sent").render(&payload(0))?.body;
            let limit = bare::post(&urls, &receiver.certificate(), &body, self.deliveries()).await?;
            bare.push(limit);
            for place in places {
                measured.entry(*place).or_default().push(self.run(*place, limit[0], &urls, receiver).await?);
            }
        }
        let [rate, cpu] = [0, 1].map(|figure| median(bare.iter().map(|bare: &[f64; 2]| bare[figure])));
        let mut lines = vec![Line::limit(rate, cpu)];
        lines.extend(measured.iter().map(|(place, rounds)| Line::of(place.to_string(), rounds)));
        Ok(lines)
    }

    async fn run(self, place: Place, limit: f64, urls: &[String], receiver: &Receiver) -> anyhow::Result<Round> {
        let site = Site::new(place).await?;
        for url in urls {
            let new = NewSubscription::new("bench.*", url);
            site.thorn.subscriptions().create(new).await?;
        }
        let events = (0..self.events).map(|n| Event::new("bench.sent").broadcast().render(&payload(n)));
        thorn::outbox::write(&site.db, events.collect::<Result<_, _>>()?).await?;
        let (before, servers_before) = (receiver.count()?, site.servers_cpu()?);
        site.settle().await?;
        receiver.begin()?;

        let (started, started_at) = (Instant::now(), micros());
        let start = || Worker::start(&site.url, site.queue_url.as_deref(), &receiver.certificate());
        let workers = (0..self.workers).map(|_| start()).collect::<Result<Vec<_>, _>>()?;
        let timeline = receiver.arrived(self.deliveries())?;
        site.recorded(self.deliveries()).await?;
        let (elapsed, start_up) = (started.elapsed(), timeline.first_after(started_at));

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
        Ok(Round::new(self.deliveries(), limit, [elapsed, start_up], &timeline, cpu, memory))
    }
}

/// A payload of about 470 rendered bytes.
pub(crate) fn payload(n: usize) -> serde_json::Value {
    serde_json::json!({ "n": n, "text": "x".repeat(400) })
}
