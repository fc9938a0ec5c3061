//! How thorn works in this application: every setting with its default.

mod env;
mod parse;
mod setting;
mod settings;
mod show;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;

pub use self::env::ConfigError;

use crate::{
    attempt::RetryPolicy,
    delivery::ClientConfig,
    dispatch::Dispatch,
    error::Error,
    guard::{TargetGuard, Validator},
    process::{AutocommitPolicy, DEFAULT_MAX_EVENT_BYTES, EventSettings},
    queue::QueueUrl,
    signing::{SecretKey, Signer},
};

/// More requests at once than a process has sockets for.
const MAX_CONCURRENCY: usize = 10_000;

/// Every setting of thorn. Set in code through [`Thorn::builder`](crate::Thorn::builder), or read
/// from the environment by [`Config::from_env`].
#[derive(Clone, Debug)]
pub struct Config {
    /// Joined with events' references that are paths. Default none.
    pub base_url: Option<String>,
    /// Bytes a rendered event may have. Default 256 KiB.
    pub max_event_bytes: usize,
    /// What happens to saves outside a transaction. Default: they are refused.
    pub autocommit: AutocommitPolicy,
    /// How events are dispatched that don't say so themselves. Default: by the queue.
    pub dispatch: Dispatch,
    /// Requests at once of all inline delivery in this process. Default 16.
    pub inline_concurrency: usize,
    /// Networks the target guard lets through, on any port. Default none: public addresses only.
    pub allow_networks: Vec<IpNet>,
    /// Single addresses with their port that the target guard lets through. Default none.
    pub allow_addresses: Vec<SocketAddr>,
    /// Ports of public addresses deliveries may go to. Default 80 and 443.
    pub allow_ports: Vec<u16>,
    /// Rules for recipients, unless an event brings its own. Default `None`: HTTP and HTTPS, the ports of
    /// `allow_ports`, no internal address. A list replaces all of that, `allow_ports` included, but for
    /// internal addresses, which only `allow_networks` and `allow_addresses` open.
    pub validators: Option<Vec<Validator>>,
    /// A JSON file of subscriptions, see [`ThornBuilder::subscriptions_file`](crate::ThornBuilder::subscriptions_file).
    /// Default none.
    pub subscriptions_file: Option<PathBuf>,
    /// Encrypts subscriptions' secrets and headers at rest: the first key encrypts, all decrypt. Default none: stored as they are.
    pub secret_key: Option<SecretKey>,
    /// How the `Hook-HMAC` of new subscriptions is made, unless they say so themselves. Default `hmac`.
    pub hmac_signer: Signer,
    /// If set, subscriptions must mean at least one of these event names. Default none.
    pub event_choices: Option<Vec<String>>,
    /// Total deadline of one attempt. Default 15 s.
    pub timeout: Duration,
    /// How failed deliveries are retried. Default [`RetryPolicy::default`].
    pub retry: RetryPolicy,
    /// Bytes of a response that are read and kept. Default 4 KiB.
    pub max_response_bytes: usize,
    /// Where tasks are queued: Redis, or the memory of a single process. Default none: in the
    /// application's own database, if that is SQLite or PostgreSQL.
    pub queue_url: Option<QueueUrl>,
    /// Name of the queue, for applications that share one. Default `thorn`.
    pub queue_name: String,
    /// How often an idle worker looks for work it wasn't told of. Default 100 ms.
    pub poll_interval: Duration,
    /// A worker that is silent for this long loses its tasks to others. Default 20 s.
    pub takeover: Duration,
    /// How long after its fan-out an event is compared with what was recorded. Default 60 s. Longer
    /// than a takeover, or deliveries that are only late are looked at in vain.
    pub audit_after: Duration,
    /// How long deliveries to a subscription may fail for good, without one that succeeds, before it
    /// is disabled. Default 3 days; `None` never disables it.
    pub disable_after: Option<Duration>,
    /// How long events and their deliveries are kept once nothing is left to do about them. Default
    /// 30 days; `None` is for ever.
    pub keep: Option<Duration>,
    /// How long events are kept that nobody heard of. Default 1 day; `None` is as long as others.
    pub keep_unmatched: Option<Duration>,
    /// Deliveries of one task at most. Default 100.
    pub chunk: usize,
    /// The relay stops while the queue holds this many tasks, and so no worker has more in hand.
    /// Default 256.
    pub longest_queue: usize,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Config {
    fn default() -> Self {
        Self {
            base_url: None,
            max_event_bytes: DEFAULT_MAX_EVENT_BYTES,
            autocommit: AutocommitPolicy::default(),
            dispatch: Dispatch::default(),
            inline_concurrency: 16,
            allow_networks: Vec::new(),
            allow_addresses: Vec::new(),
            allow_ports: vec![80, 443],
            validators: None,
            subscriptions_file: None,
            secret_key: None,
            hmac_signer: Signer::default(),
            event_choices: None,
            timeout: Duration::from_secs(15),
            retry: RetryPolicy::default(),
            max_response_bytes: 4096,
            queue_url: None,
            queue_name: "thorn".into(),
            poll_interval: Duration::from_millis(100),
            takeover: Duration::from_secs(20),
            audit_after: Duration::from_secs(60),
            disable_after: Some(3 * DAY),
            keep: Some(30 * DAY),
            keep_unmatched: Some(DAY),
            chunk: 100,
            longest_queue: 256,
        }
    }
}

impl Config {
    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] naming the setting and what is allowed.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |option, reason: &str| Err(Error::option(option, reason));
        if self.timeout.is_zero() {
            return refuse("timeout", "it is 0; give a positive duration");
        }
        if self.poll_interval.is_zero() {
            return refuse("poll_interval", "it is 0; give a positive duration");
        }
        if self.takeover < Duration::from_secs(1) {
            return refuse("takeover", "heartbeats are kept in seconds; give at least 1 s");
        }
        if self.chunk == 0 || self.longest_queue == 0 {
            return refuse("chunk and longest_queue", "each must be at least 1");
        }
        if !(1..=MAX_CONCURRENCY).contains(&self.inline_concurrency) {
            return refuse("inline_concurrency", "give a number from 1 to 10000");
        }
        if self.max_event_bytes == 0 {
            return refuse("max_event_bytes", "it is 0, so no event could be sent");
        }
        if let Some(base) = &self.base_url
            && !(base.starts_with("http://") || base.starts_with("https://"))
        {
            return Err(Error::option("base_url", format!("`{base}` isn't an http or https URL")));
        }
        self.validators.iter().flatten().try_for_each(Validator::check)?;
        Ok(self.retry.check()?)
    }

    /// What shapes events while they are rendered.
    pub(crate) fn event_settings(&self) -> EventSettings {
        EventSettings {
            base_url: self.base_url.clone(),
            max_event_bytes: self.max_event_bytes,
            autocommit: self.autocommit,
            dispatch: self.dispatch.clone(),
        }
    }

    /// The guard that deliveries and subscriptions go through.
    pub(crate) fn guard(&self) -> TargetGuard {
        let guard = TargetGuard::new()
            .allow_networks(self.allow_networks.iter().copied())
            .allow_addresses(self.allow_addresses.iter().copied());
        match &self.validators {
            Some(validators) => guard.validators(validators.iter().cloned()),
            None => guard.ports(self.allow_ports.iter().copied()),
        }
    }

    pub(crate) fn client(&self) -> ClientConfig {
        ClientConfig { guard: self.guard(), max_response_bytes: self.max_response_bytes, ..ClientConfig::default() }
    }

    /// After this time a task with a retry is taken for lost: longer than a takeover, which counts
    /// in whole seconds, and an attempt.
    pub(crate) fn lease(&self) -> Duration {
        (self.takeover * 2 + Duration::from_secs(3) + self.timeout).max(self.audit_after)
    }
}
