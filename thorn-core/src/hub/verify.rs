//! Asks callbacks whether they want what somebody has asked for in their name.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use http::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{callback::with_parameters, fetch::TopicSource};
use crate::{
    attempt::Outcome,
    config::Config,
    consent::{MOST_ANSWER_BYTES, challenge, is_sent_back},
    delivery::{Client, Get},
    error::Error,
    intent::{Intent, IntentMode},
    tenant::Tenant,
    topic::{Topic, TopicUrl},
};

/// The time that a callback has to answer.
pub(super) const DEADLINE: Duration = Duration::from_secs(10);

/// Requests that wait for their verifications at once.
const WAITING: usize = 64;

/// The verdict on one answer of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The callback wants it, or has heard of the denial.
    Confirmed,
    /// The callback doesn't want it.
    Refused(String),
    /// The callback has said neither.
    Unclear(String),
}

/// Asks callbacks.
#[derive(Clone, Debug)]
pub(crate) struct Verifier {
    client: Client,
    waiting: Arc<Semaphore>,
    /// The client that reads topics. It is set up when it is first needed.
    topics: Arc<OnceLock<TopicSource>>,
}

impl Verifier {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, waiting: Arc::new(Semaphore::new(WAITING)), topics: Arc::default() }
    }

    /// A place for a request that waits for its verification, if there is one.
    pub(super) fn place_to_wait(&self) -> Option<OwnedSemaphorePermit> {
        self.waiting.clone().try_acquire_owned().ok()
    }

    /// Whether a topic advertises the hub, and itself under this URL. Reads the topic.
    pub(super) async fn advertises(&self, config: &Config, topic: &Topic, url: &TopicUrl) -> Result<bool, Error> {
        let source = match self.topics.get() {
            Some(source) => source.clone(),
            None => {
                let source = TopicSource::new(config.topic_client(), config.max_payload_bytes)?;
                self.topics.get_or_init(|| source).clone()
            }
        };
        match source.advertised(url).await {
            Ok(advertised) => Ok(advertised.names_hub(&topic.hub_url) && advertised.names_topic(url.as_str())),
            Err(failure) => {
                tracing::info!(topic = %url, reason = failure.reason, "a topic can't be read");
                Ok(false)
            }
        }
    }

    /// Makes one request to the callback and judges the answer.
    ///
    /// Only a 2xx answer whose body is exactly the challenge confirms. Each request has a challenge of its own. Redirects
    /// aren't followed.
    pub(super) async fn ask(&self, intent: &Intent) -> Verdict {
        let challenge = match challenge() {
            Ok(challenge) => challenge,
            Err(reason) => return Verdict::Unclear(reason),
        };
        let lease = intent.lease.to_string();
        let url = match with_parameters(&intent.callback, &parameters(intent, &challenge, &lease)) {
            Ok(url) => url,
            Err(error) => return Verdict::Refused(format!("the callback is no URL: {error}")),
        };
        let get = Get {
            url: &url,
            headers: HeaderMap::new(),
            most_bytes: MOST_ANSWER_BYTES,
            most_redirects: 0,
            timeout: DEADLINE,
            tenant: Tenant::of(Some(&intent.host)),
        };
        match self.client.get(get).await {
            Ok(got) if got.status.is_server_error() => Verdict::Unclear(format!("it answered {}", got.status.as_u16())),
            Ok(got) if !got.status.is_success() => Verdict::Refused(format!("it answered {}", got.status.as_u16())),
            Ok(_) if intent.mode == IntentMode::Denied => Verdict::Confirmed,
            Ok(got) if is_sent_back(&challenge, &got.body) => Verdict::Confirmed,
            Ok(_) => Verdict::Refused("its answer isn't the challenge".to_owned()),
            Err(failure) => match failure.outcome {
                Outcome::TimedOut | Outcome::Unreachable => Verdict::Unclear(failure.reason),
                _ => Verdict::Refused(failure.reason),
            },
        }
    }
}

/// The parameters of the question to the callback, in the order of the specification.
fn parameters<'a>(intent: &'a Intent, challenge: &'a str, lease: &'a str) -> Vec<(&'static str, &'a str)> {
    let mut parameters = vec![("hub.mode", intent.mode.in_request()), ("hub.topic", &*intent.topic)];
    if intent.mode == IntentMode::Denied {
        parameters.push(("hub.reason", intent.reason.as_deref().unwrap_or_default()));
        return parameters;
    }
    parameters.push(("hub.challenge", challenge));
    if intent.mode != IntentMode::Unsubscribe {
        parameters.push(("hub.lease_seconds", lease));
    }
    if let Some(token) = &intent.verify_token {
        parameters.push(("hub.verify_token", token.expose()));
    }
    parameters
}
