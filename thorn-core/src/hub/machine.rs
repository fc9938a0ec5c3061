//! The machine that verifies intents and looks after leases. Any number of processes may run one.

use std::time::{Duration, Instant};

use tokio::{sync::watch, task::JoinSet};

use super::{
    conclude::Conclusions,
    leases,
    verify::{DEADLINE, Verdict, Verifier},
};
use crate::{
    config::Config,
    consent::{Place, Questions, UnderWay},
    db::{transaction, with_timeout},
    error::Error,
    intent::{Intent, IntentMode, MOST_ATTEMPTS, admit, intent_hints, of_owner},
    subscription::{Confirm, Subscriptions},
    tables::intent::Model,
    tenant::Tenant,
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

/// The time after which an intent is due again whose verification never ended.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// The pauses before a callback is asked again that has said neither yes nor no.
pub(super) const PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(120)];

/// The time after which a request isn't verified any more.
pub(super) const LONGEST: Duration = Duration::from_secs(10 * 60);

/// How long an intent waits whose host or owner has no place, if so many are due that it would hide others.
const CROWDED: Duration = Duration::from_secs(1);

/// Verifies intents and looks after leases.
#[derive(Clone, Debug)]
pub(crate) struct Verification {
    pub(crate) config: Config,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) verifier: Verifier,
    pub(crate) questions: Questions,
}

/// The verifications under way in this process.
#[derive(Default)]
struct Running {
    tasks: JoinSet<()>,
    places: UnderWay,
}

/// When the machine looks after what it isn't asked for.
struct Schedule {
    leases: Instant,
    topics: Instant,
}

impl Verification {
    /// Verifies intents until `stop` turns true or its sender is gone. Requests under way are finished.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut hints = intent_hints();
        let mut running = Running::default();
        let mut schedule = Schedule { leases: Instant::now(), topics: Instant::now() };
        while !*stop.borrow() {
            let pause = match self.turn(&mut running, &mut schedule).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "verifying subscribers failed, trying again");
                    PAUSE
                }
            };
            tokio::select! {
                _ = hints.changed() => {}
                Some(ended) = running.tasks.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!(%error, "a verification failed");
                    }
                }
                () = tokio::time::sleep(pause) => {}
                _ = stop.wait_for(|stop| *stop) => break,
            }
        }
        let finish = async { while running.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(DEADLINE, finish).await.is_err() {
            tracing::warn!("verifications didn't finish in time; they are made again");
        }
    }

    /// Begins verifications, and returns how long to wait for the next turn.
    async fn turn(&self, running: &mut Running, schedule: &mut Schedule) -> Result<Duration, Error> {
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
        let due = with_timeout(db, intents.due(db, now + POLL, ROWS)).await?;
        let (is_crowded, mut crowded) = (due.len() as u64 == ROWS, Vec::new());
        for row in due {
            if let Ok(millis @ 1..) = u64::try_from(row.due - now.as_millis()) {
                soon = Some(Duration::from_millis(millis));
                break;
            }
            let Some(place) = begin(&running.places, &row) else {
                crowded.push(row.id);
                continue;
            };
            let id = row.id;
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
            let this = self.clone();
            running.tasks.spawn(async move {
                let _place = place;
                if let Err(error) = this.verify(claimed).await {
                    tracing::warn!(%error, "a verification can't be concluded; it is made again");
                }
            });
        }
        if is_crowded && !crowded.is_empty() {
            with_timeout(db, intents.postpone(db, crowded, now, now + CROWDED)).await?;
        }
        if let Some(soon) = soon {
            return Ok(soon);
        }
        let is_awake = has_topics || self.config.confirm != Confirm::Off || !running.tasks.is_empty();
        Ok(if is_awake { POLL } else { POLL_WITHOUT_TOPICS })
    }

    async fn verify(&self, intent: Intent) -> Result<(), Error> {
        if intent.owner().is_some() {
            return self.ask_endpoint(&intent).await;
        }
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
        self.asked_too_often(&hosts).await
    }

    /// Counts a question to these hosts. Returns how long to wait instead, if they were asked too often.
    pub(super) async fn asked_too_often(&self, hosts: &[&str]) -> Result<Option<Duration>, Error> {
        let txn = transaction::begin(&self.subscriptions.db).await?;
        match admit(&txn, hosts, self.config.server.hub_rates.of_host(), Timestamp::now()).await? {
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

/// Takes a place for a question. Callbacks are counted by host. Endpoints are counted by owner, and by host for each owner
/// apart, so that nobody waits for a neighbour whose endpoint is at the same provider.
fn begin(places: &UnderWay, row: &Model) -> Option<Place> {
    let is_owners = [IntentMode::Challenge, IntentMode::Options].iter().any(|mode| mode.as_str() == row.mode);
    if is_owners {
        return places.begin(Tenant::of(Some(&row.topic)), &of_owner(&row.topic, &row.host));
    }
    places.begin(Tenant::of(Some(&row.host)), &row.host)
}
