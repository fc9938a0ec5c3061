//! Delivers the same backlog with webhooksmith, another library that keeps webhooks in the application's
//! database. It isn't a dependency: `benches/webhooksmith` is built and run as a separate program.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use thorn::Event;

use crate::{
    backlog::{Backlog, payload},
    bare,
    place::{Place, count, new_database, postmaster},
    process::{self, Worker},
    receiver::{Receiver, micros},
    report::{Line, Round},
};

/// The path of the built program.
pub(crate) struct Peer(PathBuf);

impl Peer {
    pub(crate) fn build() -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let target = folder.join("target/webhooksmith");
        eprintln!("building benches/webhooksmith");
        let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .args(["build", "--release", "--locked", "--manifest-path"])
            .arg(folder.join("benches/webhooksmith/Cargo.toml"))
            .env("CARGO_TARGET_DIR", &target)
            .status()?;
        anyhow::ensure!(status.success(), "benches/webhooksmith can't be built: {status}");
        Ok(Self(target.join("release/webhooksmith-bench")))
    }

    /// Returns a line for each place that webhooksmith supports. Bodies are as long as thorn's; headers are
    /// webhooksmith's own.
    pub(crate) async fn measure(
        &self,
        backlog: Backlog,
        places: &[Place],
        rounds: usize,
        receiver: &Receiver,
    ) -> anyhow::Result<Vec<Line>> {
        let mut lines = Vec::new();
        for place in places.iter().filter(|place| **place != Place::Redis) {
            // On SQLite, webhooksmith delivers one event after the other, and each commit waits for the disk.
            let part = if *place == Place::Sqlite { 50 } else { 5 };
            let backlog = Backlog { events: backlog.events / part, ..backlog };
            let mut found = Vec::new();
            for _ in 0..rounds {
                found.push(self.run(backlog, *place, receiver).await?);
            }
            let less = if part == 1 { String::new() } else { format!(", {} events", backlog.events) };
            lines.push(Line::of(format!("webhooksmith, {place}{less}"), &found));
        }
        Ok(lines)
    }

    async fn run(&self, backlog: Backlog, place: Place, receiver: &Receiver) -> anyhow::Result<Round> {
        let deliveries = backlog.deliveries();
        let body = Event::new("bench.sent").render(&payload(0))?.body;
        let [limit, _] = bare::post(&[receiver.url("bare")], &receiver.certificate(), &body, deliveries).await?;

        let folder = tempfile::tempdir()?;
        let (url, create) = match place {
            Place::Sqlite => (format!("sqlite:{}/bench.db", folder.path().display()), "?mode=rwc"),
            Place::Postgres | Place::Redis => (new_database().await?, ""),
        };
        let [events, subscriptions] = [backlog.events, backlog.subscriptions].map(|number| number.to_string());
        let prepared = Command::new(&self.0)
            .args(["prepare", &format!("{url}{create}"), &receiver.url(""), &events, &subscriptions, &body])
            .status()?;
        anyhow::ensure!(prepared.success(), "webhooksmith-bench prepare: {prepared}");
        let db = thorn::connect(&url).await?;
        let server = if create.is_empty() { postmaster(&db).await? } else { None };
        let database = || server.map_or(Ok(0.0), process::cpu_with_children);
        let (before, database_before) = (receiver.count()?, database()?);

        receiver.begin()?;
        let (started, started_at) = (Instant::now(), micros());
        let mut command = Command::new(&self.0);
        command.args(["work", &url]);
        let mut worker = Worker::spawn(&mut command)?;
        let timeline = receiver.arrived(deliveries)?;
        anyhow::ensure!(worker.is_running()?, "webhooksmith-bench work has ended");
        let recorded = "SELECT COUNT(*) AS n FROM webhook_events WHERE status = 'delivered'";
        while count(&db, recorded).await? < deliveries {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (elapsed, start_up) = (started.elapsed(), timeline.first_after(started_at));

        let cpu = [process::cpu(worker.pid())?, database()? - database_before, 0.0];
        let memory = process::memory(worker.pid())?.1;
        worker.stop()?;
        anyhow::ensure!(receiver.count()? == before + deliveries, "something was delivered twice");
        Ok(Round::new(deliveries, limit, [elapsed, start_up], &timeline, cpu, memory))
    }
}
