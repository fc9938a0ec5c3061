//! One run: an application saves, workers deliver, something fails, and then everything is counted.

use std::{
    collections::{HashMap, HashSet},
    process::Command,
    time::{Duration, Instant},
};

use sea_orm::EntityTrait as _;
use thorn::{Config, timestamp::Timestamp};
use thorn_core::testing::Reply;
use thorn_test_support::Place;

use super::{
    application::{self, entry},
    ground::Ground,
    table::{self, Line},
};
use crate::{
    app::{self, Receiver, TestApp},
    process::{self, WorkerProcess},
};

/// How long anything may take, outages and the takeovers after them included.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// Receivers; each gets every event.
pub(super) const ENDPOINTS: usize = 2;

/// Requests that one worker may have sent and not recorded when it dies: 64 under way to each endpoint,
/// and as many that were answered and wait for their record.
pub(super) const IN_HAND: usize = ENDPOINTS * 64 * 2;

/// The end of a fault.
pub(super) struct Moment {
    wall: i64,
    at: Instant,
}

impl Moment {
    pub(super) fn now() -> Self {
        Self { wall: Timestamp::now().as_millis(), at: Instant::now() }
    }
}

pub(super) struct Run {
    fault: String,
    pub(super) ground: Ground,
    pub(super) app: TestApp,
    pub(super) receiver: Receiver,
    pub(super) application: Option<WorkerProcess>,
    pub(super) workers: Vec<WorkerProcess>,
}

impl Run {
    /// Nothing runs yet.
    pub(super) async fn prepare(fault: &str, ground: Ground) -> Self {
        // Servers elsewhere would cost each test of this kind a PostgreSQL of its own.
        let config = Config { queue_url: None, ..app::config() };
        let app = TestApp::on(Place::given(ground.direct.clone()), config).await;
        app.execute(application::TABLE).await;
        let receiver = app.receiver().await;
        receiver.reply(Reply::status(204).delay(Duration::from_millis(5)));
        for endpoint in 0..ENDPOINTS {
            app.subscribe("entry.*", &receiver.url(&format!("/{endpoint}"))).await;
        }
        // It counts itself.
        app.ignore_the_rest();
        Self { fault: fault.to_owned(), ground, app, receiver, application: None, workers: Vec::new() }
    }

    /// An application and that many workers, in the middle of their work.
    pub(super) async fn start(fault: &str, ground: Ground, workers: usize) -> Self {
        let mut run = Self::prepare(fault, ground).await;
        run.save();
        for _ in 0..workers {
            let worker = run.worker();
            run.workers.push(worker);
        }
        if workers > 0 {
            run.more(60).await;
        }
        run
    }

    /// With the settings of this run.
    fn on_this_ground<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        if let Some(url) = &self.ground.queue {
            command.env("THORN_QUEUE_URL", url);
        }
        // An outage must not look like a loss.
        command.env("THORN_AUDIT_AFTER", "3")
    }

    pub(super) fn worker(&self) -> WorkerProcess {
        self.worker_with(|command| command)
    }

    pub(super) fn worker_with(&self, set: impl FnOnce(&mut Command) -> &mut Command) -> WorkerProcess {
        let mut command = process::command(&self.ground.url);
        WorkerProcess::spawn(set(self.on_this_ground(&mut command)))
    }

    /// Starts the application, again if it was killed.
    pub(super) fn save(&mut self) {
        self.application = Some(self.application_of(false));
    }

    pub(super) fn application_of(&self, all_in_one: bool) -> WorkerProcess {
        let mut command = application::command(&self.ground.url, all_in_one);
        WorkerProcess::spawn(self.on_this_ground(&mut command))
    }

    pub(super) fn arrived(&self) -> usize {
        self.receiver.arrived()
    }

    /// Waits until so many more have arrived.
    pub(super) async fn more(&self, arrivals: usize) {
        let wanted = self.arrived() + arrivals;
        self.until("more arrivals", || async {
            let arrived = self.arrived();
            if arrived >= wanted { Ok(()) } else { Err(format!("{arrived} of {wanted}")) }
        })
        .await;
    }

    /// As [`app::eventually`], with more patience and workers' logs.
    pub(super) async fn until<T, F: Future<Output = Result<T, String>>>(
        &self,
        what: &str,
        mut ask: impl FnMut() -> F,
    ) -> T {
        let started = Instant::now();
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(last) if started.elapsed() > PATIENCE => {
                    panic!("{}, {}: {what} didn't come true; last seen: {last}", self.fault, self.ground.name)
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        }
    }

    /// Keys of the rows, with when they were made.
    async fn rows(&self) -> HashMap<String, i64> {
        let rows = entry::Entity::find().all(self.app.db()).await.unwrap();
        rows.into_iter().map(|row| (row.key, row.made_at)).collect()
    }

    /// How often each key arrived at each endpoint, with when it was made and when it came first.
    fn arrivals(&self) -> HashMap<(String, String), (i64, Instant, usize)> {
        let mut arrivals = HashMap::new();
        for request in self.receiver.received() {
            let data = &request.json()["data"];
            let (key, made_at) = (data["key"].as_str().unwrap().to_owned(), data["made_at"].as_i64().unwrap());
            arrivals.entry((request.path, key)).or_insert((made_at, request.at, 0)).2 += 1;
        }
        arrivals
    }

    /// Deliveries that are owed and haven't arrived.
    pub(super) async fn outstanding(&self) -> usize {
        let arrivals = self.arrivals();
        self.rows().await.len() * ENDPOINTS - arrivals.len().min(self.rows().await.len() * ENDPOINTS)
    }

    /// Waits until all is delivered, and tells what came of it. The fault, which hit that often, ended at
    /// that moment; it may cost so many duplicates at most.
    pub(super) async fn finish(&mut self, ended: Moment, hits: usize, most_duplicates: usize) -> Line {
        let first = self
            .until("a delivery of what was committed after the fault", || async {
                let arrivals = self.arrivals();
                let after = arrivals.values().filter(|(made_at, ..)| *made_at > ended.wall);
                after.map(|(_, at, _)| *at).min().ok_or_else(|| format!("{} arrivals", arrivals.len()))
            })
            .await;
        self.until("the backlog's end", || async {
            let arrived: HashSet<_> = self.arrivals().into_keys().map(|(_, key)| key).collect();
            let before = self.rows().await.into_iter().filter(|(_, made_at)| *made_at <= ended.wall);
            let missing = before.filter(|(key, _)| !arrived.contains(key)).count();
            if missing == 0 { Ok(()) } else { Err(format!("{missing} missing; {:?}", self.app.thorn.status().await)) }
        })
        .await;
        let cleared = ended.at.elapsed();
        if let Some(application) = &mut self.application {
            application.kill();
        }
        self.until("everything settled", || async {
            let status = self.app.thorn.status().await.unwrap();
            if status == Default::default() { Ok(()) } else { Err(format!("{status:?}")) }
        })
        .await;
        self.count(first.saturating_duration_since(ended.at), cleared, hits, most_duplicates).await
    }

    async fn count(&self, first: Duration, cleared: Duration, hits: usize, most_duplicates: usize) -> Line {
        let line = Line { hits, most_duplicates, first, cleared, ..self.tally().await };
        table::print(&line);
        let delivered = self.number("SELECT COUNT(*) FROM thorn_delivery WHERE state = 'delivered'").await;
        assert_eq!((line.lost, line.phantom), (0, 0), "{line}");
        assert_eq!(delivered, line.accepted, "all are recorded as delivered: {line}");
        assert!(line.duplicated <= most_duplicates, "{line}");
        line
    }

    /// Counts owed and arrived deliveries.
    pub(super) async fn tally(&self) -> Line {
        let (rows, arrivals) = (self.rows().await, self.arrivals());
        let owed = rows.keys().flat_map(|key| (0..ENDPOINTS).map(move |to| (format!("/{to}"), key.clone())));
        let lost = owed.filter(|delivery| !arrivals.contains_key(delivery)).count();
        let phantom = arrivals.keys().filter(|(_, key)| !rows.contains_key(key)).count();
        let sent: usize = arrivals.values().map(|(.., times)| times).sum();
        let attempts = self.number("SELECT CAST(SUM(attempts) AS BIGINT) FROM thorn_delivery").await;
        Line {
            fault: self.fault.clone(),
            place: self.ground.name.clone(),
            accepted: rows.len() * ENDPOINTS,
            delivered: arrivals.len(),
            // An attempt that failed and its retry are recorded; what is more arrived without a record.
            duplicated: sent.saturating_sub(attempts),
            lost,
            phantom,
            ..Line::default()
        }
    }

    pub(super) async fn number(&self, sql: &str) -> usize {
        usize::try_from(self.app.number(sql).await).unwrap()
    }
}
