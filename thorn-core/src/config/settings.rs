//! The table of settings: reading the environment, `worker --help` and `docs/settings.md` all use it.

use std::num::NonZeroUsize;

use super::{
    hub, parse,
    setting::Setting,
    show::{joined, limit, optional, seconds},
};
use crate::subscription::CONFIRM_FORMS;

/// The form of `THORN_RECIPIENT_VALIDATORS`.
const VALIDATORS: &str = "rules separated by `;`, such as protocols=https;ports=443,8443;block-networks=203.0.113.0/24";

/// The form of the variables of quotas.
const BOUND: &str = "a number of subscriptions, such as 100, or `none`";

/// The form of the variables of sizes.
const BYTES: &str = "a number of bytes";

/// The form of the variables of streams.
const STREAMS: &str = "a number of streams";

/// Every setting. Later variables are applied after earlier ones.
pub(super) static SETTINGS: &[Setting] = &[
    Setting::new(
        "base_url",
        |config| optional(config.base_url.as_deref(), "none"),
        "http or https URL that is put before an event's reference (`ref`) if that is a path; for the server also the \
         beginning of its own URLs, by default `http://` and its address",
    )
    .application_variable("THORN_BASE_URL", |config, text| {
        parse::base_url(text).map(|url| config.base_url = Some(url))
    }),
    Setting::new(
        "max_event_bytes",
        |config| config.max_event_bytes.to_string(),
        "bytes a rendered event may have; a larger one is refused, and so is the save it belongs to",
    )
    .application_variable("THORN_MAX_EVENT_BYTES", |config, text| {
        parse::value(text, "a number of bytes").map(|bytes| config.max_event_bytes = bytes)
    }),
    Setting::new(
        "max_payload_bytes",
        |config| config.max_payload_bytes.to_string(),
        "bytes the body of a raw event may have, and a body that the server takes; 16777215 at most",
    )
    .application_variable("THORN_MAX_PAYLOAD_BYTES", |config, text| {
        parse::value(text, "a number of bytes, at least 1")
            .map(|bytes: NonZeroUsize| config.max_payload_bytes = bytes.get())
    }),
    Setting::new(
        "server.listen",
        |config| format!("`{}`", config.server.listen),
        "address and port of the server; one that isn't loopback needs an [API key](server.md#keys) made before",
    )
    .server_variable("THORN_LISTEN", |config, text| {
        parse::value(text, "an address with a port, such as 127.0.0.1:8080").map(|listen| config.server.listen = listen)
    }),
    Setting::new(
        "server.allowed_hosts",
        |config| joined(&config.server.allowed_hosts),
        "host names, comma-separated, that requests may be for, without their ports, in addition to loopback's and the \
         one in `base_url`",
    )
    .server_variable("THORN_ALLOWED_HOSTS", |config, text| {
        const EXPECTED: &str = "comma-separated host names without ports, such as hooks.example,[2001:db8::1]";
        parse::list(text, ',', EXPECTED, |host| host.parse().ok()).map(|hosts| config.server.allowed_hosts = hosts)
    }),
    Setting::new(
        "server.cors_origins",
        |config| joined(&config.server.cors_origins),
        "origins, comma-separated, whose pages may call the server: `https://app.example`; `*` is refused",
    )
    .server_variable("THORN_CORS_ORIGINS", |config, text| {
        const EXPECTED: &str = "comma-separated origins, such as https://app.example,http://localhost:3000";
        parse::list(text, ',', EXPECTED, |origin| origin.parse().ok())
            .map(|origins| config.server.cors_origins = origins)
    }),
    Setting::new(
        "server.hub",
        |config| format!("`{}`", config.server.hub),
        "the topics that the [hub](hub.md) takes: `off`, `topics` (registered ones, and those that begin with one of \
         `hub_topics`) or `open` (every topic that advertises this hub)",
    )
    .server_variable("THORN_HUB", |config, text| {
        parse::value(text, "off, topics or open").map(|mode| config.server.hub = mode)
    }),
    Setting::new(
        "server.hub_topics",
        |config| joined(&config.server.hub_topics),
        "URLs, comma-separated, with which topics begin that anybody may subscribe to, such as https://blog.example/",
    )
    .server_variable("THORN_HUB_TOPICS", |config, text| {
        parse::list(text, ',', "URLs such as https://blog.example/, comma-separated", |item| item.parse().ok())
            .map(|prefixes| config.server.hub_topics = prefixes)
    }),
    Setting::new(
        "server.hub_fetch_networks",
        |config| joined(&config.server.hub_fetch_networks),
        "networks, comma-separated, outside the public internet that topics of the hub may be fetched from; a worker that \
         runs apart from the server needs it, too",
    )
    .server_variable("THORN_HUB_FETCH_NETWORKS", |config, text| {
        parse::list(text, ',', "networks such as 10.0.0.0/8, comma-separated", parse::network)
            .map(|networks| config.server.hub_fetch_networks = networks)
    }),
    Setting::new(
        "server.hub_digest",
        |config| format!("`{}`", config.server.hub_digest),
        "hash function of the [hub](hub.md)'s signatures for WebSub: `sha1`, `sha256`, `sha384` or `sha512`; PubSubHubbub \
         has `sha1`",
    )
    .server_variable("THORN_HUB_DIGEST", |config, text| {
        parse::value(text, hub::DIGEST).map(|digest| config.server.hub_digest = digest)
    }),
    Setting::new(
        "server.hub_lease",
        |config| format!("`{}`", config.server.hub_lease),
        "shortest, default and longest lease of the [hub](hub.md)'s subscriptions in seconds; what a subscriber wishes is \
         moved into the range",
    )
    .server_variable("THORN_HUB_LEASE", |config, text| {
        parse::value(text, hub::LEASE).map(|lease| config.server.hub_lease = lease)
    }),
    Setting::new(
        "server.hub_rates",
        |config| format!("`{}`", config.server.hub_rates),
        "bounds of the [hub](hub.md#limits), each a number or `none`: verifications in a minute and unconfirmed requests \
         for callbacks at one host or address, requests in a minute from one address, failed verifications before a host \
         is put off, and live subscriptions of one topic and of all",
    )
    .server_variable("THORN_HUB_RATES", |config, text| {
        parse::value(text, hub::RATES).map(|rates| config.server.hub_rates = rates)
    }),
    Setting::new(
        "server.hub_sync",
        |config| config.server.hub_sync.to_string(),
        "whether a PubSubHubbub request may wait for its verification (`hub.verify=sync`)",
    )
    .server_variable("THORN_HUB_SYNC", |config, text| parse::flag(text).map(|is_on| config.server.hub_sync = is_on)),
    Setting::new(
        "autocommit",
        |config| format!("`{:?}`", config.autocommit),
        "what happens to a save through a generic connection outside a transaction, where row and event would be two \
         commits: `Deny`, `Warn`, `Allow`",
    ),
    Setting::new(
        "dispatch",
        |config| format!("`{}`", config.dispatch),
        "who takes a committed event, unless the event says so itself: a worker (`queue`), this process before the \
         call returns (`inline`), nobody (`disabled`); in code also a dispatcher of your own",
    )
    .application_variable("THORN_DISPATCHER", |config, text| {
        parse::value(&text.to_lowercase(), "queue, inline or disabled").map(|dispatch| config.dispatch = dispatch)
    }),
    Setting::new(
        "inline_concurrency",
        |config| config.inline_concurrency.to_string(),
        "concurrent requests of all inline delivery in one process; one owner gets at most half of them",
    )
    .application_variable("THORN_INLINE_CONCURRENCY", |config, text| {
        parse::value(text, "a number of requests").map(|requests| config.inline_concurrency = requests)
    }),
    Setting::new(
        "inline_timeout",
        |config| seconds(config.inline_timeout),
        "seconds that a call waits for its inline deliveries; a worker makes what isn't delivered by then",
    )
    .application_variable("THORN_INLINE_TIMEOUT", |config, text| {
        parse::seconds(text).map(|time| config.inline_timeout = time)
    }),
    Setting::new(
        "allow_networks",
        |config| joined(&config.allow_networks),
        "networks outside the public internet, comma-separated, that deliveries may go to, on any port: \
         `10.0.0.0/8,::1`; the variable also takes an address with its only port, `10.0.0.5:8080`",
    )
    .variable("THORN_ALLOW_NETWORKS", |config, text| {
        const EXPECTED: &str = "comma-separated networks, such as 10.0.0.0/8,127.0.0.1/32,10.0.0.5:8080";
        parse::list(text, ',', EXPECTED, parse::target).map(|targets| {
            let (networks, addresses) = targets.into_iter().partition::<Vec<_>, _>(Result::is_ok);
            config.allow_networks = networks.into_iter().flatten().collect();
            config.allow_addresses.extend(addresses.into_iter().filter_map(Result::err));
        })
    }),
    Setting::new(
        "allow_addresses",
        |config| joined(&config.allow_addresses),
        "single addresses with port that deliveries may go to whatever they mean, such as a receiver inside the \
         application",
    ),
    Setting::new(
        "allow_ports",
        |config| joined(&config.allow_ports),
        "ports of public addresses, comma-separated, that deliveries may go to",
    )
    .variable("THORN_ALLOW_PORTS", |config, text| {
        parse::list(text, ',', "comma-separated ports, such as 80,443", |port| port.parse().ok())
            .map(|ports| config.allow_ports = ports)
    }),
    Setting::new(
        "validators",
        |config| optional(config.validators.as_ref().map(|_| "set"), "http and https, `allow_ports`"),
        "[rules for recipients](#validators), separated by `;`: `protocols=https;ports=443,8443`; a list replaces the \
         default and `allow_ports`",
    )
    .variable("THORN_RECIPIENT_VALIDATORS", |config, text| {
        parse::list(text, ';', VALIDATORS, |rule| rule.parse().ok()).map(|rules| config.validators = Some(rules))
    }),
    Setting::new(
        "subscriptions_file",
        |config| optional(config.subscriptions_file.as_ref().map(|path| path.display()), "none"),
        "path of a JSON file of [configured subscriptions](#file-of-subscriptions)",
    )
    .variable("THORN_SUBSCRIBERS", |config, text| {
        config.subscriptions_file = Some(text.into());
        Ok(())
    }),
    Setting::new(
        "secret_key",
        |config| optional(config.secret_key.as_ref().map(|_| "set"), "none"),
        "32 bytes in base64 that encrypt subscriptions' secrets and headers in the database; several, \
         comma-separated, while keys change",
    )
    .variable("THORN_SECRET_KEY", |config, text| parse::secret(text).map(|key| config.secret_key = Some(key))),
    Setting::new(
        "sealed_only",
        |config| config.sealed_only.to_string(),
        "`true` refuses secrets and headers that aren't [encrypted for their owner and URL](#encryption)",
    )
    .variable("THORN_SEALED_ONLY", |config, text| parse::flag(text).map(|is_on| config.sealed_only = is_on)),
    Setting::new(
        "hmac_signer",
        |config| format!("`{}`", config.hmac_signer),
        "form of `Hook-HMAC` for new subscriptions that don't choose one: `hmac`, or `compat` as Python's Thorn does \
         by default",
    )
    .application_variable("THORN_HMAC_SIGNER", |config, text| {
        parse::value(text, "hmac or compat").map(|signer| config.hmac_signer = signer)
    }),
    Setting::new(
        "event_choices",
        |config| optional(config.event_choices.as_ref().map(|names| names.join(",")), "any"),
        "event names, comma-separated; a subscription's pattern must match one of them, or one of thorn's own events",
    )
    .application_variable("THORN_EVENT_CHOICES", |config, text| {
        parse::list(text, ',', "comma-separated event names", |name| Some(name.to_owned()))
            .map(|names| config.event_choices = Some(names))
    }),
    Setting::new(
        "max_subscriptions",
        |config| optional(config.max_subscriptions, "none"),
        "[subscriptions an owner may have](operating.md#quotas), disabled ones included; `none` sets no bound, 0 leaves \
         creating to operators",
    )
    .application_variable("THORN_MAX_SUBSCRIPTIONS", |config, text| {
        parse::count(text, BOUND).map(|bound| config.max_subscriptions = bound)
    }),
    Setting::new(
        "max_subscriptions_per_host",
        |config| optional(config.max_subscriptions_per_host, "none"),
        "how many of an owner's subscriptions may go to one host, whatever the port and path; `none` sets no bound",
    )
    .application_variable("THORN_MAX_SUBSCRIPTIONS_PER_HOST", |config, text| {
        parse::count(text, BOUND).map(|bound| config.max_subscriptions_per_host = bound)
    }),
    Setting::new(
        "max_header_bytes",
        |config| config.max_header_bytes.to_string(),
        "bytes of the headers of an [owner's subscription](operating.md#quotas), names and values together; at most 65536",
    )
    .application_variable("THORN_MAX_HEADER_BYTES", |config, text| {
        parse::value(text, BYTES).map(|bytes| config.max_header_bytes = bytes)
    }),
    Setting::new(
        "max_filter_bytes",
        |config| config.max_filter_bytes.to_string(),
        "bytes of the filter of an owner's subscription, as JSON; at most 65536",
    )
    .application_variable("THORN_MAX_FILTER_BYTES", |config, text| {
        parse::value(text, BYTES).map(|bytes| config.max_filter_bytes = bytes)
    }),
    Setting::new(
        "confirm",
        |config| format!("`{}`", config.confirm),
        "how an owner's endpoint is asked whether it wants [deliveries](operating.md#confirmation) before it gets any: `off`, \
         `challenge` (a signed challenge, which it sends back) or `options` (the handshake of CloudEvents)",
    )
    .variable("THORN_CONFIRM", |config, text| parse::value(text, CONFIRM_FORMS).map(|confirm| config.confirm = confirm)),
    Setting::new(
        "timeout",
        |config| seconds(config.timeout),
        "seconds one attempt may take in all, from name resolution to the end of the response",
    )
    .variable("THORN_EVENT_TIMEOUT", |config, text| parse::seconds(text).map(|time| config.timeout = time)),
    Setting::new(
        "retry.max_attempts",
        |config| config.retry.max_attempts.saturating_sub(1).to_string(),
        "retries after the first attempt; the field counts attempts and is one more: 11",
    )
    .variable("THORN_RETRY_MAX", |config, text| {
        parse::value::<u32>(text, "a number of retries")
            .map(|retries| config.retry.max_attempts = retries.saturating_add(1))
    }),
    Setting::new(
        "retry.max_attempts",
        |config| (config.retry.max_attempts > 1).to_string(),
        "`false` makes one attempt and no more",
    )
    .variable("THORN_RETRY", |config, text| {
        parse::flag(text).map(|is_on| {
            if !is_on {
                config.retry.max_attempts = 1;
            }
        })
    }),
    Setting::new("retry.first", |config| seconds(config.retry.first), "seconds before the first retry").variable(
        "THORN_RETRY_DELAY",
        |config, text| {
            parse::seconds(text).map(|first| {
                config.retry.first = first;
                config.retry.longest = config.retry.longest.max(first);
            })
        },
    ),
    Setting::new(
        "retry.factor",
        |config| config.retry.factor.to_string(),
        "each wait before a retry is this many times the one before",
    ),
    Setting::new(
        "retry.longest",
        |config| seconds(config.retry.longest),
        "seconds of the longest wait; a longer `Retry-After` is honoured up to this",
    ),
    Setting::new(
        "retry.jitter",
        |config| config.retry.jitter.to_string(),
        "share by which chance makes each wait longer or shorter",
    ),
    Setting::new(
        "hold.after",
        |config| optional(config.hold.after, "none"),
        "failed attempts in a row after which deliveries to the endpoint are [held](operating.md#holds); `none` never \
         holds them",
    )
    .variable("THORN_HOLD_AFTER", |config, text| {
        parse::count(text, "a number of attempts, such as 10, or `none`").map(|after| config.hold.after = after)
    }),
    Setting::new("hold.first", |config| seconds(config.hold.first), "seconds of the first hold; each further one is twice as long")
        .variable("THORN_HOLD_FIRST", |config, text| {
            parse::seconds(text).map(|first| {
                config.hold.first = first;
                config.hold.longest = config.hold.longest.max(first);
            })
        }),
    Setting::new(
        "hold.longest",
        |config| seconds(config.hold.longest),
        "seconds of the longest hold, unless the receiver asks for a longer one",
    )
    .variable("THORN_HOLD_LONGEST", |config, text| parse::seconds(text).map(|time| config.hold.longest = time)),
    Setting::new(
        "max_response_bytes",
        |config| config.max_response_bytes.to_string(),
        "bytes of a response that are read and kept",
    ),
    Setting::new(
        "queue_url",
        |config| optional(config.queue_url.as_ref(), "the application's database"),
        "where tasks are [queued](#queues): `redis://…`, `rediss://…`, or `memory:`",
    )
    .variable("THORN_QUEUE_URL", |config, text| parse::secret(text).map(|url| config.queue_url = Some(url))),
    Setting::new(
        "queue_name",
        |config| format!("`{}`", config.queue_name),
        "name of the queue, for applications that share one",
    )
    .variable("THORN_QUEUE_NAME", |config, text| {
        config.queue_name = text.to_owned();
        Ok(())
    }),
    Setting::new(
        "listen_url",
        |config| optional(config.listen_url.as_ref(), "the application's database"),
        "URL at which workers listen to PostgreSQL's notifications, past a [pooler](#poolers)",
    )
    .variable("THORN_LISTEN_URL", |config, text| parse::secret(text).map(|url| config.listen_url = Some(url))),
    Setting::new(
        "poll_interval",
        |config| seconds(config.poll_interval),
        "seconds after which an idle worker looks for work without being notified",
    )
    .variable("THORN_POLL_INTERVAL", |config, text| parse::seconds(text).map(|time| config.poll_interval = time)),
    Setting::new(
        "takeover",
        |config| seconds(config.takeover),
        "seconds, at least 1; a worker that is silent for so long loses its tasks to others",
    )
    .variable("THORN_TAKEOVER", |config, text| parse::seconds(text).map(|time| config.takeover = time)),
    Setting::new(
        "audit_after",
        |config| seconds(config.audit_after),
        "seconds after an event's fan-out until it is compared with what was recorded",
    )
    .variable("THORN_AUDIT_AFTER", |config, text| parse::seconds(text).map(|time| config.audit_after = time)),
    Setting::new(
        "disable_after",
        |config| limit(config.disable_after),
        "seconds for which deliveries to a subscription may fail, without a success, before it is disabled; `none` never \
         disables it",
    )
    .variable("THORN_DISABLE_AFTER", |config, text| parse::limit(text).map(|time| config.disable_after = time)),
    Setting::new(
        "longest_pause",
        |config| limit(config.longest_pause),
        "seconds for which a subscription may be [paused](operating.md#pauses); its next delivery disables it then; `none` \
         sets no bound",
    )
    .variable("THORN_LONGEST_PAUSE", |config, text| parse::limit(text).map(|time| config.longest_pause = time)),
    Setting::new(
        "most_kept",
        |config| optional(config.most_kept, "none"),
        "about how many deliveries a paused subscription keeps; one more disables it; `none` sets no bound",
    )
    .variable("THORN_MOST_KEPT", |config, text| {
        parse::count(text, "a number of deliveries, such as 100000, or `none`").map(|bound| config.most_kept = bound)
    }),
    Setting::new(
        "keep",
        |config| limit(config.keep),
        "seconds for which events and their deliveries are kept once nothing is left to do, and rows of deleted \
         subscriptions; `none` keeps them for ever",
    )
    .variable("THORN_KEEP", |config, text| parse::limit(text).map(|time| config.keep = time)),
    Setting::new(
        "keep_unmatched",
        |config| limit(config.keep_unmatched),
        "the same for events that no subscription matched, or that a `Dispatcher` of your own has taken; `none` keeps \
         them as long as the others. The default is that, too, while the [log of events](streams.md) is on",
    )
    .variable("THORN_KEEP_UNHEARD", |config, text| parse::limit(text).map(|time| config.keep_unmatched = time)),
    Setting::new(
        "event_log",
        |config| config.event_log.to_string(),
        "`true` numbers committed events, so that they can be [streamed](streams.md); it switches the log on in the \
         database for good",
    )
    .variable("THORN_EVENT_LOG", |config, text| parse::flag(text).map(|is_on| config.event_log = is_on)),
    Setting::new(
        "streams",
        |config| config.streams.to_string(),
        "open [streams](streams.md) and long polls of a process",
    )
    .application_variable("THORN_STREAMS", |config, text| {
        parse::value(text, STREAMS).map(|streams| config.streams = streams)
    }),
    Setting::new(
        "streams_per_caller",
        |config| config.streams_per_caller.to_string(),
        "how many of them one caller may have: one owner, or one API key",
    )
    .application_variable("THORN_STREAMS_PER_KEY", |config, text| {
        parse::value(text, STREAMS).map(|streams| config.streams_per_caller = streams)
    }),
    Setting::new(
        "streams_per_source",
        |config| optional(config.streams_per_source, "none"),
        "how many of them may come from one IP address, or one /64 network of IPv6; `none`, for a process behind a \
         proxy, sets no bound",
    )
    .application_variable("THORN_STREAMS_PER_SOURCE", |config, text| {
        parse::count(text, "a number of streams, such as 50, or `none`").map(|bound| config.streams_per_source = bound)
    }),
    Setting::new(
        "stream_heartbeat",
        |config| seconds(config.stream_heartbeat),
        "seconds of silence after which a stream gets a heartbeat, at least 0.1; fewer than a proxy between thorn and \
         its clients waits",
    )
    .application_variable("THORN_STREAM_HEARTBEAT", |config, text| {
        parse::heartbeat(text).map(|time| config.stream_heartbeat = time)
    }),
    Setting::new("chunk", |config| config.chunk.to_string(), "deliveries of one task at most")
        .variable("THORN_CHUNKSIZE", |config, text| {
            parse::value(text, "a number of deliveries").map(|deliveries| config.chunk = deliveries)
        }),
    Setting::new(
        "longest_queue",
        |config| config.longest_queue.to_string(),
        "tasks on the queue at which the relay pauses, but for senders that had few deliveries; with less than a \
         sixteenth of room left it looks ten times a second. Also the bound on the tasks one worker has in hand",
    ),
];
