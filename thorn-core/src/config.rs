//! Every setting of thorn, with its default.

mod env;
mod hub;
mod parse;
mod server;
mod setting;
mod settings;
mod show;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;

pub use self::env::ConfigError;
pub use self::hub::{HubDigest, HubLease, HubRates, InvalidHubSetting};
pub use self::server::{AllowedHost, HubMode, InvalidHost, InvalidHubMode, InvalidOrigin, Origin, ServerConfig};
pub use crate::db::{DatabaseUrl, InvalidDatabaseUrl};
pub use crate::queue_url::{InvalidQueueUrl, QueueUrl};

#[cfg(feature = "delivery")]
use crate::delivery::{ClientConfig, Defaults};
use crate::{
    attempt::{HoldPolicy, PausePolicy, RetryPolicy},
    dispatch::Dispatch,
    error::Error,
    guard::{TargetGuard, Validator},
    process::{AutocommitPolicy, EventSettings},
    signing::{SecretKey, Signer},
    subscription::{Confirm, Quotas},
    topic::TopicUrl,
};

/// Upper bound of concurrent requests: above it, a process runs out of sockets.
const MAX_CONCURRENCY: usize = 10_000;

/// Upper bound of a raw body: what its column can hold on every database.
const MAX_PAYLOAD_BYTES: usize = (16 << 20) - 1;

/// Every setting of thorn. Set them with [`Thorn::builder`](crate::Thorn::builder), or read them from the
/// environment with [`Config::from_env`].
#[derive(Clone, Debug)]
pub struct Config {
    /// The URL that is put before an event's reference if that is a path. Default: none.
    pub base_url: Option<String>,
    /// The most bytes a rendered event may have. Default: 256 KiB.
    pub max_event_bytes: usize,
    /// The most bytes the body of a raw event may have, and of a body that the stand-alone server takes. Default: 1 MiB.
    pub max_payload_bytes: usize,
    /// Settings that only the stand-alone server needs.
    pub server: ServerConfig,
    /// The policy for a save outside a transaction. Default: it is refused.
    pub autocommit: AutocommitPolicy,
    /// How events are dispatched that don't choose a way themselves. Default: by the queue.
    pub dispatch: Dispatch,
    /// Concurrent requests of all inline delivery in this process, of which one owner gets at most half. Default: 16.
    pub inline_concurrency: usize,
    /// How long a call waits for its inline deliveries. A worker makes what isn't delivered by then. Default: 2 s.
    pub inline_timeout: Duration,
    /// Networks outside the public internet that deliveries may go to, on any port. Default: none.
    pub allow_networks: Vec<IpNet>,
    /// Single addresses with port that deliveries may go to. Default: none.
    pub allow_addresses: Vec<SocketAddr>,
    /// Ports of public addresses that deliveries may go to. Default: 80 and 443.
    pub allow_ports: Vec<u16>,
    /// Rules for recipients of events that have no rules of their own. Default: `None`, which allows HTTP
    /// and HTTPS on the ports of `allow_ports`.
    ///
    /// A list replaces the default and `allow_ports`. No list allows internal addresses; only
    /// `allow_networks` and `allow_addresses` do.
    pub validators: Option<Vec<Validator>>,
    /// A JSON file of subscriptions, see [`ThornBuilder::subscriptions_file`](crate::ThornBuilder::subscriptions_file).
    /// Default: none.
    pub subscriptions_file: Option<PathBuf>,
    /// Encrypts subscriptions' secrets and headers in the database: the first key encrypts, all keys decrypt.
    /// Default: none, and they are stored as they are.
    pub secret_key: Option<SecretKey>,
    /// Whether secrets and headers are refused that aren't encrypted, or that release 0.1 encrypted without their owner
    /// and URL. Default: `false`. Needs `secret_key`.
    pub sealed_only: bool,
    /// The form of `Hook-HMAC` for new subscriptions that don't choose one. Default: `hmac`.
    pub hmac_signer: Signer,
    /// Names of all events. A subscription's pattern must match at least one of them, or one of thorn's own
    /// events. Default: `None`, which allows every pattern.
    pub event_choices: Option<Vec<String>>,
    /// How many subscriptions an owner may have, disabled ones included. `None` sets no bound, 0 lets no owner create
    /// one. Global and configured subscriptions don't count. Default: 100.
    pub max_subscriptions: Option<u64>,
    /// How many of an owner's subscriptions may go to one host. `None` sets no bound. Default: 20.
    pub max_subscriptions_per_host: Option<u64>,
    /// How many bytes the names and values of the headers of an owner's subscription may have, at most 64 KiB. Default:
    /// 8 KiB.
    pub max_header_bytes: usize,
    /// How many bytes the JSON of the filter of an owner's subscription may have, at most 64 KiB. Default: 16 KiB.
    pub max_filter_bytes: usize,
    /// How owners' endpoints are asked whether they want deliveries. Default: they aren't.
    pub confirm: Confirm,
    /// The time one attempt may take in all, from name resolution to the end of the response. Default: 15 s.
    pub timeout: Duration,
    /// How failed deliveries are retried. Default: [`RetryPolicy::default`].
    pub retry: RetryPolicy,
    /// When deliveries to an endpoint that keeps failing are held. Default: [`HoldPolicy::default`].
    pub hold: HoldPolicy,
    /// Bytes of a response that are read and kept. Default: 4 KiB.
    pub max_response_bytes: usize,
    /// Where tasks are queued: Redis, or the memory of a single process. Default: none, and the application's
    /// database holds the queue if it is SQLite or PostgreSQL.
    pub queue_url: Option<QueueUrl>,
    /// Name of the queue, for applications that share one. Default: `thorn`.
    pub queue_name: String,
    /// The URL at which workers listen to PostgreSQL's notifications, past a pooler that shares sessions. Default:
    /// `None`, the application's database.
    pub listen_url: Option<DatabaseUrl>,
    /// How often an idle worker looks for work without being notified. Default: 100 ms.
    pub poll_interval: Duration,
    /// The silence after which other workers take over a worker's tasks. At least 1 s. Default: 20 s.
    pub takeover: Duration,
    /// The time from an event's fan-out to its comparison with the recorded deliveries. Default: 60 s. Make it
    /// longer than a takeover; otherwise the comparison finds deliveries that are only late.
    pub audit_after: Duration,
    /// How long deliveries to a subscription may fail, without a success, before it is disabled. `None` never disables
    /// it. Default: 5 days.
    pub disable_after: Option<Duration>,
    /// How long a subscription may be paused. Its next delivery disables it then. `None` sets no bound. Default: 7 days.
    pub longest_pause: Option<Duration>,
    /// About how many deliveries a paused subscription keeps. One more disables it. `None` sets no bound. Default:
    /// 100,000.
    pub most_kept: Option<u64>,
    /// How long events and their deliveries are kept once nothing is left to do, and rows of deleted subscriptions.
    /// `None` keeps them for ever. Default: 30 days.
    pub keep: Option<Duration>,
    /// How long events are kept that no subscription matched. `None` keeps them as long as the others.
    /// Default: 1 day, but as long as the others while the log of events is on.
    pub keep_unmatched: Option<Duration>,
    /// Whether committed events are numbered, so that they can be [streamed](crate::stream). It switches the log on in
    /// this database for good. Default: `false`.
    pub event_log: bool,
    /// Open streams and long polls of a process. Default: 10,000.
    pub streams: usize,
    /// How many of them one caller may have. Default: 100.
    pub streams_per_caller: usize,
    /// How many of them may come from one IP address, or from one /64 network of IPv6. `None` sets no bound, which
    /// suits a process behind a proxy. Default: 50.
    pub streams_per_source: Option<usize>,
    /// After how much silence a stream gets a heartbeat. At least 0.1 s. Default: 15 s.
    pub stream_heartbeat: Duration,
    /// The most deliveries of one task. Default: 100.
    pub chunk: usize,
    /// The number of tasks on the queue at which the relay pauses. For senders who had few deliveries in the last seconds it
    /// adds up to a quarter more. Also the bound on the tasks that a worker has in hand. Default: 256.
    pub longest_queue: usize,
}

/// The shortest silence on streams.
const SHORTEST_HEARTBEAT: Duration = Duration::from_millis(100);

/// How long events are kept that no subscription matched, unless the log is on.
pub(crate) const DEFAULT_KEEP_UNMATCHED: Duration = DAY;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Config {
    fn default() -> Self {
        let Quotas { per_owner, per_host, header_bytes, filter_bytes } = Quotas::default();
        let EventSettings { base_url, max_event_bytes, max_payload_bytes, autocommit, dispatch } =
            EventSettings::default();
        Self {
            base_url,
            max_event_bytes,
            max_payload_bytes,
            server: ServerConfig::default(),
            autocommit,
            dispatch,
            inline_concurrency: 16,
            inline_timeout: Duration::from_secs(2),
            allow_networks: Vec::new(),
            allow_addresses: Vec::new(),
            allow_ports: vec![80, 443],
            validators: None,
            subscriptions_file: None,
            secret_key: None,
            sealed_only: false,
            hmac_signer: Signer::default(),
            event_choices: None,
            max_subscriptions: per_owner,
            max_subscriptions_per_host: per_host,
            max_header_bytes: header_bytes,
            max_filter_bytes: filter_bytes,
            confirm: Confirm::Off,
            timeout: Duration::from_secs(15),
            retry: RetryPolicy::default(),
            hold: HoldPolicy::default(),
            max_response_bytes: 4096,
            queue_url: None,
            queue_name: "thorn".into(),
            listen_url: None,
            poll_interval: Duration::from_millis(100),
            takeover: Duration::from_secs(20),
            audit_after: Duration::from_secs(60),
            disable_after: Some(5 * DAY),
            longest_pause: Some(7 * DAY),
            most_kept: Some(100_000),
            keep: Some(30 * DAY),
            keep_unmatched: Some(DEFAULT_KEEP_UNMATCHED),
            event_log: false,
            streams: 10_000,
            streams_per_caller: 100,
            streams_per_source: Some(50),
            stream_heartbeat: Duration::from_secs(15),
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
    /// [`Error::Option`] with the first invalid setting and the values it may have.
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
        if self.stream_heartbeat < SHORTEST_HEARTBEAT {
            return refuse("stream_heartbeat", "every stream would be busy with it; give at least 0.1 s");
        }
        if self.chunk == 0 || self.longest_queue == 0 {
            return refuse("chunk and longest_queue", "each must be at least 1");
        }
        if !(1..=MAX_CONCURRENCY).contains(&self.inline_concurrency) {
            return refuse("inline_concurrency", "give a number from 1 to 10000");
        }
        if self.inline_timeout.is_zero() {
            return refuse("inline_timeout", "it is 0; give a positive duration");
        }
        for (option, bytes) in
            [("max_header_bytes", self.max_header_bytes), ("max_filter_bytes", self.max_filter_bytes)]
        {
            if bytes > Quotas::MOST_BYTES {
                return refuse(option, &format!("it is {bytes}; at most {} are possible", Quotas::MOST_BYTES));
            }
        }
        if self.max_event_bytes == 0 {
            return refuse("max_event_bytes", "it is 0, so no event could be sent");
        }
        if !(1..=MAX_PAYLOAD_BYTES).contains(&self.max_payload_bytes) {
            return refuse("max_payload_bytes", "give 1 to 16777215 bytes, which a column of MariaDB can hold");
        }
        if let Some(base) = &self.base_url
            && !(base.starts_with("http://") || base.starts_with("https://"))
        {
            return Err(Error::option("base_url", format!("`{base}` isn't an http or https URL")));
        }
        if self.sealed_only && self.secret_key.is_none() {
            return refuse(
                "sealed_only",
                "there is no secret_key, so nothing could be read; set THORN_SECRET_KEY, too",
            );
        }
        self.validators.iter().flatten().try_for_each(Validator::check)?;
        self.hold.check()?;
        Ok(self.retry.check()?)
    }

    /// The most bytes that the body of any event may have.
    #[must_use]
    pub fn largest_body(&self) -> usize {
        // A form encodes a byte as three.
        self.max_payload_bytes.max(self.max_event_bytes.saturating_mul(3))
    }

    /// The settings that shape events while they are rendered.
    pub(crate) fn event_settings(&self) -> EventSettings {
        EventSettings {
            base_url: self.base_url.clone(),
            max_event_bytes: self.max_event_bytes,
            max_payload_bytes: self.max_payload_bytes,
            autocommit: self.autocommit,
            dispatch: self.dispatch.clone(),
        }
    }

    /// The bounds on what one owner may have.
    pub(crate) const fn quotas(&self) -> Quotas {
        Quotas {
            per_owner: self.max_subscriptions,
            per_host: self.max_subscriptions_per_host,
            header_bytes: self.max_header_bytes,
            filter_bytes: self.max_filter_bytes,
        }
    }

    /// The bounds of a subscription's pause.
    pub(crate) const fn pause(&self) -> PausePolicy {
        PausePolicy { longest: self.longest_pause, most_kept: self.most_kept }
    }

    /// The key that encrypts, with the rule for what is read.
    pub(crate) fn sealing_key(&self) -> Option<SecretKey> {
        let key = self.secret_key.clone()?;
        Some(if self.sealed_only { key.sealed_only() } else { key })
    }

    /// The guard that checks the addresses of deliveries and the URLs of subscriptions.
    pub(crate) fn guard(&self) -> TargetGuard {
        let guard = TargetGuard::new()
            .allow_networks(self.allow_networks.iter().copied())
            .allow_addresses(self.allow_addresses.iter().copied());
        match &self.validators {
            Some(validators) => guard.validators(validators.iter().cloned()),
            None => guard.ports(self.allow_ports.iter().copied()),
        }
    }

    #[cfg(feature = "delivery")]
    pub(crate) fn client(&self) -> ClientConfig {
        ClientConfig { guard: self.guard(), max_response_bytes: self.max_response_bytes, ..ClientConfig::default() }
    }

    /// The client that fetches the hub's topics. Only its networks differ from those of deliveries.
    #[cfg(feature = "delivery")]
    pub(crate) fn topic_client(&self) -> ClientConfig {
        ClientConfig { guard: self.topic_guard(), ..ClientConfig::default() }
    }

    /// The guard that checks the addresses of the hub's topics.
    fn topic_guard(&self) -> TargetGuard {
        let guard = TargetGuard::new().allow_networks(self.server.hub_fetch_networks.iter().copied());
        match &self.validators {
            Some(validators) => guard.validators(validators.iter().cloned()),
            None => guard.ports(self.allow_ports.iter().copied()),
        }
    }

    /// Whether a topic of the hub may be fetched, as far as its URL tells. A host's address is checked when it is fetched.
    #[must_use]
    pub fn may_fetch(&self, topic: &TopicUrl) -> bool {
        self.topic_guard().check_url(topic.as_url()).is_ok()
    }

    /// The settings of deliveries whose events don't override them.
    #[cfg(feature = "delivery")]
    pub(crate) fn defaults(&self) -> Defaults {
        Defaults { timeout: self.timeout, retry: self.retry.clone(), source: self.cloud_source().into() }
    }

    /// The source of CloudEvents that are thorn's own.
    pub(crate) fn cloud_source(&self) -> &str {
        let base = self.base_url.as_deref().map(|url| url.trim_end_matches('/'));
        base.filter(|url| !url.is_empty()).unwrap_or("thorn")
    }

    /// The time after which a retry's task counts as lost. It is longer than a takeover, which counts whole
    /// seconds, plus an attempt.
    pub(crate) fn lease(&self) -> Duration {
        (self.takeover * 2 + Duration::from_secs(3) + self.timeout).max(self.audit_after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_default_a_caller_waits_two_seconds_for_inline_deliveries() {
        assert_eq!(Config::default().inline_timeout, Duration::from_secs(2));
    }
}
