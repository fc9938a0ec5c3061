//! Takes requests of subscribers: checks them, and writes what their callbacks are to confirm.

#[cfg(feature = "delivery")]
use std::sync::OnceLock;
use std::time::Duration;

use sea_orm::{DatabaseConnection, prelude::Uuid};

use super::{
    callback::Callback,
    refusal::{HubError, HubRefusal},
    request::{HubRequest, RequestMode},
};
#[cfg(feature = "delivery")]
use super::{
    conclude::Conclusions,
    verify::{DEADLINE, Verdict, Verifier},
};
use crate::{
    config::Config,
    db::{is_unique_violation, transaction},
    error::Error,
    guard::TargetGuard,
    intent::{Intent, IntentMode, admit, notify_intents, of_hub},
    signing::{Digest, Secret},
    spec::Dialect,
    subscription::Subscriptions,
    tenant::Tenant,
    timestamp::Timestamp,
    topic::{TopicUrl, Topics},
};
#[cfg(feature = "delivery")]
use crate::{delivery::Client, intent::MOST_ATTEMPTS};

/// The owner in whose name callbacks are looked up. No owner has such an id.
const STRANGERS: &str = "\0hub";

/// The time between a request and its verification. The answer to the request leaves first, because some subscribers know
/// of their request only then.
const BEFORE_THE_FIRST: Duration = Duration::from_millis(500);

/// How often a request is written again that met another one for the same topic and callback.
const TRIES: usize = 3;

/// The hub of a [`Thorn`](crate::Thorn). [`Thorn::hub`](crate::Thorn::hub) returns it.
#[derive(Clone, Debug)]
pub struct Hub<'a> {
    pub(super) db: &'a DatabaseConnection,
    pub(super) config: &'a Config,
    pub(super) subscriptions: &'a Subscriptions,
    /// The URL at which the hub is reached.
    pub(super) url: &'a str,
    guard: TargetGuard,
    #[cfg(feature = "delivery")]
    verifier: &'a OnceLock<Verifier>,
}

/// A request that was checked.
struct Prepared {
    intent: Intent,
    /// The hosts by which it is counted.
    hosts: Vec<String>,
    topic: TopicUrl,
}

impl<'a> Hub<'a> {
    /// Whether this build can wait for a verification. It needs the feature `delivery`.
    pub const CAN_WAIT: bool = cfg!(feature = "delivery");

    pub(crate) fn new(
        db: &'a DatabaseConnection,
        config: &'a Config,
        subscriptions: &'a Subscriptions,
        url: &'a str,
        #[cfg(feature = "delivery")] verifier: &'a OnceLock<Verifier>,
    ) -> Self {
        Self {
            db,
            config,
            subscriptions,
            url,
            guard: config.guard(),
            #[cfg(feature = "delivery")]
            verifier,
        }
    }

    /// Takes a request. The hub asks the callback afterwards whether it is meant, so the answer doesn't depend on that.
    ///
    /// A repeated request for the same topic and callback replaces the one before. WebSub asks nobody about the end of a
    /// subscription that isn't there; `PubSubHubbub` asks all the same.
    ///
    /// # Errors
    ///
    /// [`HubError::Refused`] if the request can't be granted whatever the callback says. Nothing is stored then.
    /// [`HubError::Thorn`] if the database fails, or if the application keeps its subscriptions elsewhere.
    pub async fn request(&self, request: &HubRequest) -> Result<(), HubError> {
        let now = Timestamp::now();
        if let Some(prepared) = self.prepare(request, now).await? {
            self.place(&prepared, now).await?;
            notify_intents();
        }
        Ok(())
    }

    /// Takes a request and waits until its callback has answered. Returns whether the callback has confirmed. It is asked
    /// once.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request). A build without the feature `delivery` always fails, see
    /// [`CAN_WAIT`](Self::CAN_WAIT).
    pub async fn request_and_wait(&self, request: &HubRequest) -> Result<bool, HubError> {
        #[cfg(feature = "delivery")]
        return self.verify_at_once(request).await;
        #[cfg(not(feature = "delivery"))]
        {
            let _ = request;
            Err(Error::option("hub", "this build can't ask callbacks; build it with the feature `delivery`").into())
        }
    }

    #[cfg(feature = "delivery")]
    async fn verify_at_once(&self, request: &HubRequest) -> Result<bool, HubError> {
        let verifier = self.verifier()?;
        let Some(place) = verifier.place_to_wait() else {
            return Err(HubRefusal::Full("too many requests wait for their verifications").into());
        };
        let now = Timestamp::now();
        let Some(mut prepared) = self.prepare(request, now).await? else { return Ok(true) };
        // The machine finds the row only if this process dies, and makes no further attempt then.
        (prepared.intent.attempts, prepared.intent.due) = (MOST_ATTEMPTS, now + DEADLINE * 6);
        self.place(&prepared, now).await?;
        let intent = prepared.intent;
        let (config, subscriptions) = (self.config.clone(), self.subscriptions.clone());
        // The subscriber may hang up meanwhile. The answer of the callback counts all the same.
        let verification = tokio::spawn(async move {
            let _place = place;
            let conclusions = Conclusions { config: &config, subscriptions: &subscriptions, verifier: &verifier };
            match verifier.ask(&intent).await {
                Verdict::Confirmed => conclusions.confirmed(&intent).await,
                Verdict::Refused(_) | Verdict::Unclear(_) => conclusions.failed(&intent).await.map(|()| false),
            }
        });
        let ended = verification.await.map_err(|error| Error::option("hub", format!("a verification failed: {error}")));
        Ok(ended??)
    }

    /// The part that asks callbacks. It is set up when it is first needed.
    #[cfg(feature = "delivery")]
    fn verifier(&self) -> Result<Verifier, Error> {
        if self.verifier.get().is_none() {
            let new = Verifier::new(Client::new(self.config.client())?);
            // Another request may have been first.
            let _ = self.verifier.set(new);
        }
        let missing = || Error::option("hub", "there is no client for callbacks");
        self.verifier.get().cloned().ok_or_else(missing)
    }

    /// Checks a request. `None` if there is nothing to do.
    async fn prepare(&self, request: &HubRequest, now: Timestamp) -> Result<Option<Prepared>, HubError> {
        if !self.subscriptions.are_in_the_table() {
            return Err(Error::option("hub", "it needs thorn's own table of subscriptions").into());
        }
        let callback =
            Callback::parse(&request.callback, &self.guard).map_err(|reason| wrong("hub.callback", reason))?;
        let topic = topic_url(request)?;
        let id = of_hub(topic.as_str(), &request.callback);
        let present = self.subscriptions.is_live_of_hub(id, now).await?;
        let mode = match request.mode {
            RequestMode::Subscribe => IntentMode::Subscribe,
            RequestMode::Unsubscribe if present => IntentMode::Unsubscribe,
            // `PubSubHubbub` has every request confirmed. The answer then tells nobody whether there is a subscription.
            RequestMode::Unsubscribe if request.dialect == Dialect::PubSubHubbub => {
                self.check_is_distributed(&topic).await?;
                IntentMode::Unsubscribe
            }
            RequestMode::Unsubscribe => {
                // The newest request counts, so a subscription that waits for its callback is given up.
                self.subscriptions.intents().drop_requests_for(self.db, id).await?;
                return Ok(None);
            }
        };
        if mode == IntentMode::Subscribe {
            self.check_topic(&topic, present).await?;
        }
        let lookup = callback.addresses(&self.guard);
        let addresses = Tenant::of(Some(STRANGERS)).has_done(lookup).await;
        let addresses = addresses.map_err(|refused| wrong("hub.callback", refused.to_string()))?;
        let intent = Intent {
            id: Uuid::now_v7(),
            subscription: id,
            mode,
            dialect: request.dialect,
            topic: request.topic.clone(),
            callback: request.callback.clone(),
            address: addresses.first().cloned().unwrap_or_default(),
            host: callback.host,
            digest: match request.dialect {
                Dialect::PubSubHubbub => Digest::Sha1,
                _ => self.config.server.hub_digest.digest(),
            },
            secret: request.secret.clone(),
            lease: self.config.server.hub_lease.granted(request.lease_seconds, request.dialect),
            verify_token: request.verify_token.as_deref().map(Secret::new),
            reason: None,
            attempts: 0,
            created_at: now,
            due: now + BEFORE_THE_FIRST,
        };
        let hosts = addresses.into_iter().chain([intent.host.clone()]).collect();
        Ok(Some(Prepared { intent, hosts, topic }))
    }

    /// Writes an intent, unless too many wait or have been asked lately.
    async fn place(&self, prepared: &Prepared, now: Timestamp) -> Result<(), HubError> {
        let Prepared { intent, hosts, topic } = prepared;
        let mut tries = 1;
        let placed = loop {
            match self.try_to_place(intent, hosts, now).await {
                // Another request for the same topic and callback was written at the same time.
                Err(HubError::Thorn(Error::Database(error))) if tries < TRIES && is_unique_violation(&error) => {
                    tries += 1;
                }
                ended => break ended,
            }
        };
        placed?;
        if intent.mode == IntentMode::Subscribe {
            Topics::new(self.db).find_or_add(topic, self.url).await?;
        }
        Ok(())
    }

    async fn try_to_place(&self, intent: &Intent, hosts: &[String], now: Timestamp) -> Result<(), HubError> {
        let rates = &self.config.server.hub_rates;
        let pending = self.subscriptions.intents();
        let txn = transaction::begin(self.db).await?;
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        if let Err(wait) = admit(&txn, &hosts, rates.of_host(), now).await? {
            txn.rollback().await?;
            return Err(HubRefusal::TooMany { reason: "too many requests for callbacks of this host", wait }.into());
        }
        if let Some(most) = rates.pending
            && pending.count(&txn, intent).await? >= u64::from(most)
        {
            txn.rollback().await?;
            let (reason, wait) = ("too many unconfirmed requests for callbacks of this host", Duration::from_secs(60));
            return Err(HubRefusal::TooMany { reason, wait }.into());
        }
        pending.replace(&txn, intent).await?;
        txn.commit().await?;
        Ok(())
    }
}

fn wrong(name: &'static str, reason: impl Into<String>) -> HubError {
    HubRefusal::Parameter { name, reason: reason.into() }.into()
}

/// The URL of the topic, by which it is known. `PubSubHubbub` allows no fragment.
fn topic_url(request: &HubRequest) -> Result<TopicUrl, HubError> {
    const NAME: &str = "hub.topic";
    if request.topic.len() > 2048 {
        return Err(wrong(NAME, format!("it has {} bytes, at most 2048 are allowed", request.topic.len())));
    }
    if request.dialect == Dialect::PubSubHubbub && request.topic.contains('#') {
        return Err(wrong(NAME, "a fragment is never sent; remove the `#` and what follows"));
    }
    if request.topic.chars().any(crate::printable::acts_on_terminals) {
        return Err(wrong(NAME, "it has control characters; percent-encode them"));
    }
    request.topic.parse().map_err(|error| wrong(NAME, format!("{error}")))
}
