//! The loop that fetches topics which are due.

use std::time::Duration;

use futures::{StreamExt as _, stream::FuturesUnordered};
use sea_orm::DatabaseConnection;
use tokio::{sync::watch, time::Instant};

use super::{
    commit::commit,
    fetch::{Fetched, TIMEOUT, TopicSource},
};
use crate::{
    attempt::RetryPolicy,
    config::Config,
    db::with_timeout,
    error::Error,
    process,
    timestamp::Timestamp,
    topic::{Claim, Due, any, delete_unwanted, due, live_subscribers},
};

/// Fetches of a process that run at once.
const AT_ONCE: usize = 16;

/// How often a worker looks for due topics without being notified.
const POLL: Duration = Duration::from_millis(500);

/// How often it looks whether there are topics, as long as there are none.
const POLL_FOR_ANY: Duration = Duration::from_secs(5);

/// A fetch may take this long with the commit of its result. After that, another worker fetches.
const LEASE: Duration = Duration::from_secs(2 * TIMEOUT.as_secs());

/// How often a topic is tried after a ping.
const TRIES: u32 = 4;

/// How often topics are deleted that nobody wants.
const CLEAN_UP: Duration = Duration::from_secs(60 * 60);

/// How long a topic that nobody registered stays without a subscription.
const UNWANTED: Duration = Duration::from_secs(24 * 60 * 60);

/// Pause after an error of the database.
const PAUSE: Duration = Duration::from_secs(1);

/// Fetches topics that are due. Each worker of a process that serves a hub has one.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    pub(crate) db: DatabaseConnection,
    pub(crate) config: Config,
}

/// The memory of a fetcher from one turn to the next.
#[derive(Default)]
struct Progress {
    source: Option<TopicSource>,
    /// Whether there has been a topic.
    has_topics: bool,
    cleaned_up: Option<Instant>,
}

impl Fetcher {
    /// Fetches until `stop` turns true. Fetches under way are given up, so that another worker makes them at once.
    pub(crate) async fn run(&self, mut stop: watch::Receiver<bool>) {
        let mut hints = process::topic_hints();
        let (mut progress, mut running) = (Progress::default(), FuturesUnordered::new());
        while !*stop.borrow() {
            let pause = match self.turn(&mut progress, AT_ONCE - running.len()).await {
                Ok(claimed) => {
                    for (source, due, claim, subscribers) in claimed {
                        running.push(self.fetch(source, due, claim, subscribers, stop.clone()));
                    }
                    if progress.has_topics { POLL } else { POLL_FOR_ANY }
                }
                Err(error) => {
                    tracing::warn!(%error, "looking for topics to fetch failed, trying again");
                    PAUSE
                }
            };
            tokio::select! {
                _ = hints.changed() => {}
                () = tokio::time::sleep(pause) => {}
                Some(()) = running.next() => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        }
        while running.next().await.is_some() {}
    }

    /// Claims at most so many topics that are due.
    async fn turn(&self, progress: &mut Progress, room: usize) -> Result<Vec<(TopicSource, Due, Claim, u64)>, Error> {
        if room == 0 {
            return Ok(Vec::new());
        }
        if !progress.has_topics {
            progress.has_topics = with_timeout(&self.db, any(&self.db)).await?;
            if !progress.has_topics {
                return Ok(Vec::new());
            }
        }
        self.clean_up(progress).await?;
        let mut claimed = Vec::new();
        for due in with_timeout(&self.db, due(&self.db, Timestamp::now(), room as u64)).await? {
            let subscribers = with_timeout(&self.db, live_subscribers(&self.db, due.topic.id)).await?;
            if subscribers == 0 {
                with_timeout(&self.db, due.forget(&self.db)).await?;
                continue;
            }
            let source = match &progress.source {
                Some(source) => source.clone(),
                None => {
                    let most_bytes = self.config.max_payload_bytes;
                    progress.source.insert(TopicSource::new(self.config.topic_client(), most_bytes)?).clone()
                }
            };
            if let Some(claim) = with_timeout(&self.db, due.claim(&self.db, LEASE)).await? {
                claimed.push((source, due, claim, subscribers));
            }
        }
        Ok(claimed)
    }

    async fn clean_up(&self, progress: &mut Progress) -> Result<(), Error> {
        if progress.cleaned_up.is_some_and(|at| at.elapsed() < CLEAN_UP) {
            return Ok(());
        }
        let deleted = with_timeout(&self.db, delete_unwanted(&self.db, Timestamp::now() - UNWANTED)).await?;
        if deleted > 0 {
            tracing::info!(topics = deleted, "deleted topics that nobody subscribes to");
        }
        progress.cleaned_up = Some(Instant::now());
        Ok(())
    }

    async fn fetch(
        &self,
        source: TopicSource,
        due: Due,
        claim: Claim,
        subscribers: u64,
        mut stop: watch::Receiver<bool>,
    ) {
        let fetched = tokio::select! {
            fetched = source.fetch(&due, subscribers) => Some(fetched),
            _ = stop.wait_for(|stop| *stop) => None,
        };
        if let Err(error) = with_timeout(&self.db, self.note(&due, claim, fetched)).await {
            tracing::warn!(topic.id = %due.topic.id, %error, "can't write the result of a fetch; the topic is fetched again");
        }
    }

    /// Writes the result of a fetch. Without one, the topic is due again.
    async fn note(&self, due: &Due, claim: Claim, fetched: Option<Fetched>) -> Result<(), Error> {
        let topic = claim.topic;
        let reason = match fetched {
            None => {
                claim.end(&self.db, due.topic.failures, Some(Timestamp::now())).await?;
                return Ok(());
            }
            Some(Fetched::Unchanged) => {
                claim.end(&self.db, 0, None).await?;
                tracing::debug!(topic.id = %topic, "the topic hasn't changed");
                return Ok(());
            }
            Some(Fetched::Changed(version)) => match commit(&self.db, claim, &due.topic, version).await {
                Ok(Some(event)) => {
                    tracing::info!(topic.id = %topic, event.id = %event, "the topic has a new version");
                    return Ok(());
                }
                Ok(None) => {
                    tracing::warn!(topic.id = %topic, "a fetch took too long; another one was begun");
                    return Ok(());
                }
                Err(error @ (Error::Header(_) | Error::PayloadTooLarge { .. })) => error.to_string(),
                Err(error) => return Err(error),
            },
            Some(Fetched::Failed(reason)) => reason,
        };
        let failures = due.topic.failures.saturating_add(1);
        let wait = again_after(&self.config.retry, failures, rand::random());
        claim.end(&self.db, failures, wait.map(|wait| Timestamp::now() + wait)).await?;
        tracing::info!(topic.id = %topic, failures, ?wait, reason, "a topic can't be fetched");
        Ok(())
    }
}

/// The wait after so many failed fetches, which is that of deliveries. `None` waits for the next ping.
fn again_after(retry: &RetryPolicy, failures: u32, random: f64) -> Option<Duration> {
    (failures < TRIES).then(|| retry.wait_after(failures, None, random)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fe4_a_topic_that_fails_is_tried_four_times_with_growing_pauses() {
        let retry = RetryPolicy { jitter: 0.0, ..RetryPolicy::default() };
        let waits: Vec<_> = (1..=5).map(|failures| again_after(&retry, failures, 0.5)).collect();
        let seconds = |wait: u64| Some(Duration::from_secs(wait));
        assert_eq!(waits, [seconds(5), seconds(20), seconds(80), None, None]);
        assert_eq!(again_after(&RetryPolicy::never(), 1, 0.5), None);
    }
}
