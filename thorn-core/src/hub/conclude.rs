//! Draws the consequences of verifications. Nothing else changes the hub's subscriptions.

use std::time::Duration;

use super::verify::Verifier;
use crate::{
    config::{Config, HubMode},
    error::Error,
    id::TopicId,
    intent::{Ended, Intent, IntentMode, note_failure, note_success, notify_intents},
    signing::{Signer, Signing},
    spec::Dialect,
    subscription::{Granted, Lease, Subscriptions, Write},
    timestamp::Timestamp,
    topic::{TopicUrl, Topics},
};

/// Draws the consequences of verifications.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conclusions<'a> {
    pub(super) config: &'a Config,
    pub(super) subscriptions: &'a Subscriptions,
    pub(super) verifier: &'a Verifier,
}

impl Conclusions<'_> {
    /// Does what the callback has confirmed. Returns `false` if a later request has replaced it: then the answer counts for
    /// nothing.
    pub(super) async fn confirmed(self, intent: &Intent) -> Result<bool, Error> {
        let (db, intents) = (&self.subscriptions.db, self.subscriptions.intents());
        let is_done = match intent.mode {
            // Questions to owners' endpoints are concluded apart, in `endpoint.rs`.
            IntentMode::Denied | IntentMode::Challenge | IntentMode::Options => intents.take(db, intent).await?,
            IntentMode::Unsubscribe => {
                let write = Write::begin(db).await?;
                let done = self.unsubscribe(&write, intent).await;
                write.finish(done).await?
            }
            IntentMode::Subscribe | IntentMode::Renew => {
                let topic = self.distributed(intent).await?;
                let write = Write::begin(db).await?;
                let done = self.subscribe(&write, intent, topic).await;
                write.finish(done).await?
            }
        };
        if intent.mode != IntentMode::Denied {
            note_success(db, &intent.host).await?;
        }
        Ok(is_done)
    }

    /// The topic, or the reason why the hub doesn't distribute it.
    async fn distributed(self, intent: &Intent) -> Result<Result<TopicId, &'static str>, Error> {
        let url = topic_url(intent)?;
        let Some(topic) = Topics::new(&self.subscriptions.db).find(&url).await? else {
            return Ok(Err("the hub doesn't distribute this topic any more"));
        };
        let is_known = topic.registered || topic.latest_event.is_some();
        let is_open = self.config.server.hub == HubMode::Open;
        if is_known || !is_open || self.verifier.advertises(self.config, &topic, &url).await? {
            return Ok(Ok(topic.id));
        }
        Ok(Err("the topic doesn't advertise this hub, or can't be read"))
    }

    async fn unsubscribe(self, write: &Write, intent: &Intent) -> Result<bool, Error> {
        if !self.subscriptions.intents().take(&write.transaction, intent).await? {
            return Ok(false);
        }
        write.delete(intent.subscription).await?;
        Ok(true)
    }

    async fn subscribe(
        self,
        write: &Write,
        intent: &Intent,
        topic: Result<TopicId, &'static str>,
    ) -> Result<bool, Error> {
        let (txn, intents, now) = (&write.transaction, self.subscriptions.intents(), Timestamp::now());
        if !intents.take(txn, intent).await? {
            return Ok(false);
        }
        let reason = match topic {
            Err(reason) => reason,
            Ok(topic) => {
                let lease = lease(intent, topic, now);
                let signing =
                    Signing { secret: intent.secret.clone(), digest: intent.digest, signer: Signer::default() };
                let (id, dialect, callback) = (intent.subscription, intent.dialect, &*intent.callback);
                let is_renewal = intent.mode == IntentMode::Renew;
                let verify_token = intent.verify_token.as_ref();
                let granted = Granted { id, dialect, callback, signing, lease, verify_token, is_renewal };
                if self.subscriptions.grant(write, granted, self.config.server.hub_rates.bounds(), now).await? {
                    return Ok(true);
                }
                "the hub has no place for another subscription"
            }
        };
        let ended = Ended { dialect: intent.dialect, topic: &intent.topic, callback: &intent.callback, reason };
        intents.replace(txn, &Intent::denial(intent.subscription, ended, now)).await?;
        notify_intents();
        Ok(true)
    }

    /// Gives up what the callback hasn't confirmed. The subscription stays as it is.
    pub(super) async fn failed(self, intent: &Intent) -> Result<(), Error> {
        let db = &self.subscriptions.db;
        self.subscriptions.intents().take(db, intent).await?;
        if matches!(intent.mode, IntentMode::Subscribe | IntentMode::Unsubscribe) {
            note_failure(db, &intent.host, self.config.server.hub_rates.of_host(), Timestamp::now()).await?;
        }
        Ok(())
    }
}

fn topic_url(intent: &Intent) -> Result<TopicUrl, Error> {
    intent.topic.parse().map_err(|error| Error::option("hub.topic", format!("{error}")))
}

/// The lease from now on. The hub asks subscribers of `PubSubHubbub` after nine tenths of it whether it goes on.
fn lease(intent: &Intent, topic: TopicId, now: Timestamp) -> Lease {
    let lasts = Duration::from_secs(intent.lease.unsigned_abs());
    let is_renewed = intent.dialect == Dialect::PubSubHubbub;
    Lease {
        topic,
        topic_given: intent.topic.clone(),
        expires_at: now + lasts,
        renew_at: is_renewed.then(|| now + lasts / 10 * 9),
    }
}
