//! The machine that verifies intents and looks after leases. Any number of processes may run one.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use tokio::{sync::watch, task::JoinSet};

use super::{
    conclude::Conclusions,
    leases,
    verify::{DEADLINE, Verdict, Verifier},
};
use crate::{
    config::Config,
    db::{transaction, with_timeout},
    error::Error,
    intent::{Intent, IntentMode, MOST_ATTEMPTS, admit, intent_hints},
    subscription::Subscriptions,
    timestamp::Timestamp,
    topic,
};

/// How often an idle machine looks for intents without a hint.
const POLL: Duration = Duration::from_millis(500);

/// How often it looks for them, and for topics, while the hub has no topic.
const POLL_WITHOUT_TOPICS: Duration = Duration::from_secs(5);

/// How often it looks for leases that are over.
const LEASES: Duration = Duration::from_secs(1);

/// How often it looks for subscriptions whose topics are deleted.
const TOPICS: Duration = Duration::from_secs(5);

/// Pause after an error, so that the machine doesn't hammer an unreachable database.
const PAUSE: Duration = Duration::from_secs(1);

/// Intents that are read at once.
const ROWS: u64 = 200;

/// Callbacks that are asked at once.
const AT_ONCE: usize = 64;

/// Callbacks of one host that are asked at once.
const AT_ONCE_PER_HOST: usize = 4;

/// The time after which an intent is due again whose verification never ended.
const LEASE: Duration = Duration::from_secs(30);

/// The pauses before a callback is asked again that has said neither yes nor no.
const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(120)];

/// The time after which a request isn't verified any more.
const LONGEST: Duration = Duration::from_secs(10 * 60);

/// Verifies intents and looks after leases.
#[derive(Clone, Debug)]
pub(crate) struct Verification {
    pub(crate) config: Config,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) verifier: Verifier,
}

/// The verifications under way in this process.
#[derive(Default)]
struct UnderWay {
    tasks: JoinSet<String>,
    by_host: HashMap<String, usize>,
}

/// When the machine looks after what it isn't asked for.
struct Schedule {
    leases: Instant,
    topics: Instant,
}

impl UnderWay {
    fn has_room_for(&self, host: &str) -> bool {
        self.tasks.len() < AT_ONCE && self.by_host.get(host).is_none_or(|asked| *asked < AT_ONCE_PER_HOST)
    }

    /// Waits until one has ended. Without any, waits for ever.
    async fn ended(&mut self) {
        match self.tasks.join_next().await {
            Some(Ok(host)) => self.forget(&host),
            // Which host it was isn't known any more. That can only let fewer callbacks of it be asked at once.
            Some(Err(error)) => tracing::error!(%error, "a verification failed"),
            None => std::future::pending().await,
        }
    }

    fn forget(&mut self, host: &str) {
        if let Some(asked) = self.by_host.get_mut(host) {
            *asked -= 1;
            if *asked == 0 {
                self.by_host.remove(host);
            }
        }
    }
}

impl Verification {
    /// Verifies intents until `stop` turns true or its sender is gone. Requests under way are finished.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut hints = intent_hints();
        let mut under_way = UnderWay::default();
        let mut schedule = Schedule { leases: Instant::now(), topics: Instant::now() };
        while !*stop.borrow() {
            let pause = match self.turn(&mut under_way, &mut schedule).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "verifying subscribers failed, trying again");
                    PAUSE
                }
            };
            tokio::select! {
                _ = hints.changed() => {}
                () = under_way.ended() => {}
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        let finish = async { while under_way.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DEADLINE, finish).await.is_err() {
            tracing::warn!("verifications didn't finish in time; they are made again");
        }
    }

    /// Begins verifications, and returns how long to wait for the next turn.
    async fn turn(&self, under_way: &mut UnderWay, schedule: &mut Schedule) -> Result<Duration, Error> {
        let (db, now) = (&self.subscriptions.db, Timestamp::now());
        let has_topics = with_timeout(db, topic::any(db)).await?;
        if has_topics && schedule.leases <= Instant::now() {
            let more = with_timeout(db, leases::look_after(&self.subscriptions, now)).await?;
            schedule.leases = Instant::now() + if more { Duration::ZERO } else { LEASES };
        }
        if schedule.topics <= Instant::now() {
            let more = with_timeout(db, leases::end_without_topics(&self.subscriptions)).await?;
            schedule.topics = Instant::now() + if more { Duration::ZERO } else { TOPICS };
        }
        let intents = self.subscriptions.intents();
        let mut soon = None;
        for row in with_timeout(db, intents.due(db, now + POLL, ROWS)).await? {
            if let Ok(millis @ 1..) = u64::try_from(row.due - now.as_millis()) {
                soon = Some(Duration::from_millis(millis));
                break;
            }
            if !under_way.has_room_for(&row.host) {
                continue;
            }
            let (id, host) = (row.id, row.host.clone());
            if !with_timeout(db, intents.claim(db, &row, now, LEASE)).await? {
                continue;
            }
            let claimed = match intents.claimed(row) {
                Ok(intent) => intent,
                Err(error) => {
                    tracing::error!(%error, "what a subscriber has asked for can't be read");
                    intents.discard(db, id).await?;
                    continue;
                }
            };
            *under_way.by_host.entry(host.clone()).or_default() += 1;
            let this = self.clone();
            under_way.tasks.spawn(async move {
                if let Err(error) = this.verify(claimed).await {
                    tracing::warn!(%error, "a verification can't be concluded; it is made again");
                }
                host
            });
        }
        if let Some(soon) = soon {
            return Ok(soon);
        }
        Ok(if has_topics || !under_way.tasks.is_empty() { POLL } else { POLL_WITHOUT_TOPICS })
    }

    async fn verify(&self, intent: Intent) -> Result<(), Error> {
        let (db, intents) = (&self.subscriptions.db, self.subscriptions.intents());
        let conclusions =
            Conclusions { config: &self.config, subscriptions: &self.subscriptions, verifier: &self.verifier };
        // A process has died during the last attempt.
        if intent.attempts > MOST_ATTEMPTS {
            return conclusions.failed(&intent).await;
        }
        if let Some(wait) = self.too_soon(&intent).await? {
            if Timestamp::now() + wait > intent.created_at + LONGEST {
                return conclusions.failed(&intent).await;
            }
            return intents.put_off(db, &intent, Timestamp::now() + wait, true).await;
        }
        let (id, host, mode) = (intent.subscription, &*intent.host, intent.mode.as_str());
        match self.verifier.ask(&intent).await {
            Verdict::Confirmed => {
                let is_done = conclusions.confirmed(&intent).await?;
                tracing::info!(subscription.id = %id, host, mode, is_done, "a callback has confirmed");
            }
            Verdict::Unclear(reason) if intent.attempts < MOST_ATTEMPTS => {
                tracing::info!(subscription.id = %id, host, mode, reason, "a callback has said neither yes nor no");
                let pause = usize::try_from(intent.attempts - 1).ok().and_then(|index| PAUSES.get(index).copied());
                intents.put_off(db, &intent, Timestamp::now() + pause.unwrap_or(LEASE), false).await?;
            }
            Verdict::Unclear(reason) | Verdict::Refused(reason) => {
                tracing::info!(subscription.id = %id, host, mode, reason, "a callback hasn't confirmed");
                conclusions.failed(&intent).await?;
            }
        }
        Ok(())
    }

    /// How long to wait because the callback's host was asked too often. The request itself has counted the first attempt.
    async fn too_soon(&self, intent: &Intent) -> Result<Option<Duration>, Error> {
        let is_counted = intent.attempts == 1 && matches!(intent.mode, IntentMode::Subscribe | IntentMode::Unsubscribe);
        if is_counted {
            return Ok(None);
        }
        let hosts = [&*intent.host, &*intent.address];
        let hosts: Vec<&str> = hosts.into_iter().filter(|host| !host.is_empty()).collect();
        let txn = transaction::begin(&self.subscriptions.db).await?;
        match admit(&txn, &hosts, self.config.server.hub_rates.of_host(), Timestamp::now()).await? {
            Ok(()) => {
                txn.commit().await?;
                Ok(None)
            }
            Err(wait) => {
                txn.rollback().await?;
                Ok(Some(wait))
            }
        }
    }
}
