//! The builder's setters: one for each setting that code often sets.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;

use super::ThornBuilder;
use crate::{
    attempt::{HoldPolicy, RetryPolicy},
    dispatch::Dispatch,
    guard::Validator,
    process::AutocommitPolicy,
    queue_url::QueueUrl,
    signing::{SecretKey, Signer},
    subscription::Confirm,
};

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(mut self, $name: $type) -> Self {
            self.config.$name = $name;
            self
        }
    )*};
}

impl ThornBuilder {
    /// Puts this URL before references that are paths: `https://blog.example`. Default: none.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.config.base_url = Some(base_url.into());
        self
    }

    /// Allows deliveries to these networks, on any port, in addition to the public internet.
    pub fn allow_networks(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.config.allow_networks.extend(networks);
        self
    }

    /// Allows deliveries to exactly these addresses and ports, in addition to the public internet.
    pub fn allow_addresses(mut self, addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.config.allow_addresses.extend(addresses);
        self
    }

    /// Sets the rules for recipients of events that have no rules of their own. They replace the default
    /// rules and `allow_ports`.
    pub fn validators(mut self, validators: impl IntoIterator<Item = Validator>) -> Self {
        self.config.validators = Some(validators.into_iter().collect());
        self
    }

    /// Encrypts subscriptions' secrets and headers in the database. Default: they are stored as they are.
    pub fn secret_key(mut self, key: SecretKey) -> Self {
        self.config.secret_key = Some(key);
        self
    }

    /// Refuses subscriptions whose pattern matches none of these event names. Default: every name exists.
    pub fn event_choices(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.config.event_choices = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Configures the subscriptions of a JSON file, under the file's name.
    ///
    /// The file is a list of objects. Each has `event` (a pattern), `url`, and one of `secret`, `secret_env`
    /// (the environment variable that holds the secret) and `"unsigned": true`. `filter`, `owner`, `digest`,
    /// `signer`, `content_type`, `headers` (an object), `rate`, `max_in_flight` and `id` are optional.
    ///
    /// ```json
    /// [
    ///   {"event": "article.*", "url": "https://search.example/index", "secret_env": "SEARCH_SECRET"},
    ///   {"event": "*", "url": "https://audit.example/log", "unsigned": true}
    /// ]
    /// ```
    pub fn subscriptions_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.subscriptions_file = Some(path.into());
        self
    }

    /// Queues tasks in Redis, or in the memory of a single process, instead of the application's own
    /// database: `"redis://queue.example/".parse()?`.
    pub fn queue_url(mut self, url: QueueUrl) -> Self {
        self.config.queue_url = Some(url);
        self
    }

    setters! {
        /// Sets how events are dispatched that don't choose a way themselves. Default: by the queue.
        dispatch: Dispatch,
        /// Limits the concurrent requests of all inline delivery in this process. One owner gets at most half. Default: 16.
        inline_concurrency: usize,
        /// Limits how long a call waits for its inline deliveries. A worker makes what isn't delivered by then.
        /// Default: 2 s.
        inline_timeout: Duration,
        /// Limits the bytes of a rendered event. Default: 256 KiB.
        max_event_bytes: usize,
        /// Limits the bytes of a raw event's body. Default: 1 MiB.
        max_payload_bytes: usize,
        /// Sets what happens to a save outside a transaction. Default: it is refused.
        autocommit: AutocommitPolicy,
        /// Sets the form of `Hook-HMAC` for new subscriptions. Default: [`Signer::Hmac`].
        hmac_signer: Signer,
        /// Limits the subscriptions of an owner. `None` sets no bound, 0 lets no owner create one. Default: 100.
        max_subscriptions: Option<u64>,
        /// Limits how many of an owner's subscriptions go to one host. `None` sets no bound. Default: 20.
        max_subscriptions_per_host: Option<u64>,
        /// Limits the bytes of the headers of an owner's subscription. At most 64 KiB. Default: 8 KiB.
        max_header_bytes: usize,
        /// Limits the bytes of the filter of an owner's subscription. At most 64 KiB. Default: 16 KiB.
        max_filter_bytes: usize,
        /// Sets how owners' endpoints are asked whether they want deliveries. Default: they aren't.
        confirm: Confirm,
        /// Limits the time of one attempt, from name resolution to the end of the response. Default: 15 s.
        timeout: Duration,
        /// Sets how failed deliveries are retried. Default: [`RetryPolicy::default`].
        retry: RetryPolicy,
        /// Sets when deliveries to an endpoint that keeps failing are held. Default: [`HoldPolicy::default`].
        hold: HoldPolicy,
        /// Sets how often an idle worker looks for work without being notified. Default: 100 ms.
        poll_interval: Duration,
        /// Sets the silence after which other workers take over a worker's tasks. At least 1 s. Default: 20 s.
        takeover: Duration,
        /// Sets the time from an event's fan-out to its comparison with the recorded deliveries. Default: 60 s.
        audit_after: Duration,
        /// Sets the time for which deliveries to a subscription may fail, without a success, before it is
        /// disabled. `None` never disables it. Default: 5 days.
        disable_after: Option<Duration>,
        /// Sets how long a subscription may be paused before it is disabled. `None` sets no bound. Default: 7 days.
        longest_pause: Option<Duration>,
        /// Sets about how many deliveries a paused subscription keeps before it is disabled. `None` sets no bound.
        /// Default: 100,000.
        most_kept: Option<u64>,
        /// Sets how long events and their deliveries are kept once nothing is left to do. `None` keeps them for
        /// ever. Default: 30 days.
        keep: Option<Duration>,
        /// Sets how long events are kept that no subscription matched. `None` keeps them as long as the others.
        /// Default: 1 day, but as long as the others while the log of events is on.
        keep_unmatched: Option<Duration>,
        /// Numbers committed events, so that they can be [streamed](crate::stream). It switches the log on in this
        /// database for good: it adds a column and two indexes to `thorn_event`. Default: `false`.
        event_log: bool,
    }
}
