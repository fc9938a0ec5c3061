//! The worker runs the relay, the queue's worker, the executor and the recorder. Any number of workers may run.

#[cfg(all(test, feature = "testing"))]
mod tests;
mod heartbeat;
mod stop_signal;

use self::heartbeat::Heartbeat;
pub use self::stop_signal::stop_signal;
pub use crate::{
    endpoint::raise_descriptor_limit,
    metrics::{HoldCounts, Snapshot},
    relay::{BoxError, Dispatcher},
};

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use sea_orm::DatabaseConnection;
use tokio::{sync::watch, task::JoinHandle, time::Instant};

use crate::{
    background::Background,
    config::{Config, DEFAULT_KEEP_UNMATCHED, HubMode},
    consent::Questions,
    db::{log_statements_at_debug, writer},
    delivery::{Client, Consequences, Executor, Observers, Updates},
    error::Error,
    hub::{Fetcher, Verification, Verifier},
    metrics::Counters,
    outbox,
    queue::{Handler, HangingTasks, Queue, QueueOptions},
    record::Recorder,
    relay::{Custom, Relay, RelayOptions},
    subscription::{Confirm, Registry, Subscriptions},
    watch::Watcher,
};

/// How long a stopping worker waits for records, in addition to an attempt's deadline.
const GRACE: Duration = Duration::from_secs(5);

/// How long a stopping worker tries to tell the others, after that.
const LEAVING: Duration = Duration::from_secs(1);

/// A running worker. [`stop`](Self::stop) ends it. A dropped worker keeps running in the background.
#[derive(Debug)]
pub struct Worker {
    stop: watch::Sender<bool>,
    stop_queue: watch::Sender<bool>,
    stop_heartbeat: watch::Sender<bool>,
    counters: Arc<Counters>,
    patience: Duration,
    relay: JoinHandle<()>,
    listener: JoinHandle<()>,
    watcher: JoinHandle<()>,
    fetcher: Option<JoinHandle<()>>,
    verification: Option<JoinHandle<()>>,
    dispatchers: Vec<JoinHandle<()>>,
    queue: JoinHandle<Result<(), Error>>,
    recorder: JoinHandle<()>,
    heartbeat: JoinHandle<()>,
    #[cfg_attr(not(test), expect(dead_code, reason = "tests inject panics through it"))]
    background: Background,
}

/// The parts of a `Thorn` that its workers use.
pub(crate) struct WorkerParts<'a> {
    pub(crate) db: &'a DatabaseConnection,
    pub(crate) config: &'a Config,
    pub(crate) registry: &'a Arc<Registry>,
    pub(crate) subscriptions: &'a Subscriptions,
    pub(crate) observers: &'a Observers,
    pub(crate) dispatchers: &'a BTreeMap<String, Arc<dyn Dispatcher>>,
}

impl Worker {
    /// Starts a worker inside this process.
    pub(crate) async fn start(parts: WorkerParts<'_>) -> Result<Self, Error> {
        let WorkerParts { db, config, registry, subscriptions, observers, dispatchers } = parts;
        log_statements_at_debug(db).await;
        registry.refresh(db).await?;
        registry.check_readable()?;
        let queue_options = QueueOptions {
            name: config.queue_name.clone(),
            poll: config.poll_interval,
            takeover: config.takeover,
            batch: config.longest_queue.div_ceil(2),
        };
        let writer = writer(db);
        let queue = Queue::open(&writer, config.queue_url.as_ref(), queue_options).await?;
        let hanging = HangingTasks::default();
        let client = Client::new(config.client())?;
        let (stop, stopping) = watch::channel(false);
        let (stop_queue, queue_stopping) = watch::channel(false);
        let (stop_heartbeat, heartbeat_stopping) = watch::channel(false);
        let counters = Arc::new(Counters::default());
        let background = Background::default();
        let (recorder, recording) = Recorder::start(writer.clone(), &background);
        let heartbeat = Heartbeat::new(db.clone(), registry.clone(), config.takeover, config.keep);
        // The tasks of the heartbeat, the relay and the queue keep a sender of their signal. Otherwise dropping the worker
        // would be a signal, too.
        let parts = (heartbeat, heartbeat_stopping, stop_heartbeat.clone());
        let heartbeat =
            background.spawn("heartbeat", parts, |(heartbeat, stop, _)| async move { heartbeat.run(stop).await });
        let asks = config.server.hub != HubMode::Off || config.confirm != Confirm::Off;
        let verification = (asks && subscriptions.are_in_the_table()).then(|| {
            let verifier = Verifier::new(client.clone());
            let questions = Questions { client: client.clone(), endpoints: registry.endpoints().clone() };
            let (config, subscriptions) = (config.clone(), subscriptions.clone());
            let parts = Verification { config, subscriptions, verifier, questions };
            background.spawn("verification", (parts, stopping.clone()), |(verification, stop)| async move {
                verification.run(stop).await;
            })
        });
        let executor = Executor {
            until: None,
            db: db.clone(),
            registry: registry.clone(),
            consequences: Consequences {
                // On SQLite, the updates wait in line with the other writers of the worker.
                subscriptions: subscriptions.clone().through(writer.clone()),
                observers: observers.clone(),
                updates: Updates::default(),
                disable_after: config.disable_after,
                hold: config.hold.clone(),
                pause: config.pause(),
            },
            client,
            recorder,
            counters: counters.clone(),
            defaults: config.defaults(),
            stop: stopping.clone(),
        };
        let relay = Relay {
            db: db.clone(),
            writer,
            registry: registry.clone(),
            queue: queue.clone(),
            hanging: hanging.clone(),
            counters: counters.clone(),
            options: RelayOptions {
                poll: config.poll_interval,
                chunk: config.chunk,
                longest_queue: config.longest_queue,
                lease: config.lease(),
                audit_after: config.audit_after,
                keep: config.keep,
                keep_unmatched: config.keep_unmatched,
                default_keep_unmatched: DEFAULT_KEEP_UNMATCHED,
            },
        };
        let watcher = Watcher { db: db.clone(), registry: registry.clone(), counters: counters.clone() };
        let watcher = background
            .spawn("watcher", (watcher, stopping.clone()), |(watcher, stop)| async move { watcher.run(stop).await });
        let fetcher = (config.server.hub != HubMode::Off).then(|| {
            let fetcher = Fetcher { db: db.clone(), config: config.clone() };
            background
                .spawn("fetcher", (fetcher, stopping.clone()), |(fetcher, stop)| async move { fetcher.run(stop).await })
        });
        let dispatchers = dispatchers.iter().map(|(name, dispatcher)| Custom {
            db: db.clone(),
            name: name.clone(),
            dispatcher: dispatcher.clone(),
            poll: config.poll_interval,
            deadline: config.takeover * 2,
            pause: config.audit_after / 4,
        });
        let dispatchers = dispatchers.map(|custom| {
            let name = format!("dispatcher `{}`", custom.name);
            let parts = (Arc::new(custom), stopping.clone());
            background.spawn(name, parts, |(custom, stop)| async move { custom.run(stop).await })
        });
        let dispatchers = dispatchers.collect();
        let handler = Handler::new(move |task| {
            let executor = executor.clone();
            let hanging = hanging.clone();
            Box::pin(async move { hanging.watch(executor.run(task)).await })
        });
        let parts = (db.clone(), config.listen_url.clone(), stopping.clone());
        let listener = background.spawn("listener", parts, |(db, url, stop)| async move {
            outbox::listen(&db, url.as_ref(), stop).await;
        });
        let parts = (relay, stopping, stop.clone());
        let relay = background.spawn("relay", parts, |(relay, stop, _)| async move { relay.run(stop).await });
        let parts = (queue, handler, queue_stopping, stop_queue.clone());
        let queue = background
            .spawn("queue", parts, |(queue, handler, stop, _)| async move { queue.supervise(handler, stop).await });
        tracing::info!(queue = config.queue_name, "worker started");
        Ok(Self {
            stop,
            stop_queue,
            stop_heartbeat,
            counters,
            patience: config.timeout + GRACE,
            dispatchers,
            listener,
            watcher,
            fetcher,
            verification,
            relay,
            queue,
            recorder: recording,
            heartbeat,
            background,
        })
    }

    /// Counts what this worker has done so far.
    #[must_use]
    pub fn counters(&self) -> Snapshot {
        self.counters.snapshot()
    }

    /// Stops the worker. It begins no further delivery and hands the waiting ones back. Requests under way finish
    /// within their deadline and are recorded. Another worker takes over tasks that aren't recorded by then.
    ///
    /// # Errors
    ///
    /// [`Error::Queue`] if the queue's worker has failed.
    pub async fn stop(self) -> Result<(), Error> {
        tracing::info!("worker stopping");
        self.stop.send_replace(true);
        let _ = self.relay.await;
        let _ = self.listener.await;
        let _ = self.watcher.await;
        if let Some(fetcher) = self.fetcher {
            let _ = fetcher.await;
        }
        if let Some(verification) = self.verification {
            let _ = verification.await;
        }
        self.stop_queue.send_replace(true);
        let deadline = Instant::now() + self.patience;
        for mut dispatcher in self.dispatchers {
            if tokio::time::timeout_at(deadline, &mut dispatcher).await.is_err() {
                tracing::warn!("a dispatcher didn't finish in time; its events are handed over again");
                dispatcher.abort();
            }
        }
        let mut queue = self.queue;
        let result = match tokio::time::timeout_at(deadline, &mut queue).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(Error::Queue { message: "its task panicked".into(), source: Some(panic.into()) }),
            Err(_) => {
                tracing::warn!("tasks didn't finish in time; another worker takes them over");
                queue.abort();
                Ok(())
            }
        };
        // The recorder ends with the last task that has something to record.
        let mut recorder = self.recorder;
        if tokio::time::timeout_at(deadline, &mut recorder).await.is_err() {
            recorder.abort();
        }
        // Until now, requests may have been under way.
        self.stop_heartbeat.send_replace(true);
        let mut heartbeat = self.heartbeat;
        if tokio::time::timeout_at(deadline + LEAVING, &mut heartbeat).await.is_err() {
            heartbeat.abort();
        }
        tracing::info!("worker stopped");
        result
    }
}
