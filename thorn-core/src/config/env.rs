//! Settings from environment variables, for programs.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use ipnet::IpNet;

use super::Config;
use crate::{error::Error, queue::QueueUrl, signing::SecretKey};

/// Every environment variable that can't be read, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The variables, with what is wrong and what is expected.
    pub variables: Vec<String>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.variables.join("\n"))
    }
}

impl std::error::Error for ConfigError {}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        Self::option("environment", error.to_string())
    }
}

/// Collects what is wrong instead of stopping at the first.
struct Reader<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    wrong: Vec<String>,
}

impl Reader<'_> {
    fn read<T>(&mut self, name: &str, expected: &str, parse: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = (self.get)(name).filter(|value| !value.trim().is_empty())?;
        let parsed = parse(value.trim());
        if parsed.is_none() {
            self.wrong.push(format!("{name}={value}: expected {expected}"));
        }
        parsed
    }

    fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        self.read(name, expected, |value| value.parse().ok())
    }

    fn seconds(&mut self, name: &str) -> Option<Duration> {
        self.read(name, "seconds, such as 15 or 0.5", seconds)
    }

    /// Seconds, or `none` for no limit.
    fn limit(&mut self, name: &str) -> Option<Option<Duration>> {
        self.read(name, "seconds, such as 86400, or `none`", |value| {
            if value.eq_ignore_ascii_case("none") { Some(None) } else { seconds(value).map(Some) }
        })
    }

    fn list<T>(&mut self, name: &str, expected: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        self.read(name, expected, |value| {
            value.split(',').map(str::trim).filter(|item| !item.is_empty()).map(parse).collect()
        })
    }
}

fn seconds(value: &str) -> Option<Duration> {
    value.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

fn flag(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// A network, or an address as the network of that address alone.
fn network(value: &str) -> Option<IpNet> {
    value.parse().ok().or_else(|| value.parse::<IpAddr>().ok().map(IpNet::from))
}

/// What `THORN_RECIPIENT_VALIDATORS` may be.
const VALIDATORS: &str = "rules separated by `;`, such as protocols=https;ports=443,8443;block-networks=203.0.113.0/24";

impl Config {
    /// Reads `THORN_*` from the environment; what isn't set keeps its default.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every variable that can't be read.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(&|name| std::env::var(name).ok())
    }

    /// Reads `THORN_*` from any source.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    pub fn from_lookup(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let mut env = Reader { get, wrong: Vec::new() };
        config.base_url = env.read("THORN_BASE_URL", "an http or https URL", |url| {
            (url.starts_with("http://") || url.starts_with("https://")).then(|| url.to_owned())
        });
        set(&mut config.max_event_bytes, env.parsed("THORN_MAX_EVENT_BYTES", "a number of bytes"));
        let dispatch = "queue, inline or disabled";
        set(&mut config.dispatch, env.read("THORN_DISPATCHER", dispatch, |value| value.to_lowercase().parse().ok()));
        set(&mut config.inline_concurrency, env.parsed("THORN_INLINE_CONCURRENCY", "a number of requests"));
        let networks = "comma-separated networks, such as 10.0.0.0/8,127.0.0.1/32";
        set(&mut config.allow_networks, env.list("THORN_ALLOW_NETWORKS", networks, network));
        let ports = "comma-separated ports, such as 80,443";
        set(&mut config.allow_ports, env.list("THORN_ALLOW_PORTS", ports, |port| port.parse().ok()));
        let validators = env.read("THORN_RECIPIENT_VALIDATORS", VALIDATORS, |list| {
            list.split(';').map(str::trim).filter(|rule| !rule.is_empty()).map(|rule| rule.parse().ok()).collect()
        });
        config.validators = validators;
        config.subscriptions_file = env.read("THORN_SUBSCRIBERS", "the path of a file", |path| Some(path.into()));
        // The value itself is a secret and stays out of the message.
        if let Some(key) = (env.get)("THORN_SECRET_KEY").filter(|key| !key.trim().is_empty()) {
            match key.trim().parse::<SecretKey>() {
                Ok(key) => config.secret_key = Some(key),
                Err(error) => env.wrong.push(format!("THORN_SECRET_KEY: {error}")),
            }
        }
        set(&mut config.hmac_signer, env.parsed("THORN_HMAC_SIGNER", "hmac or compat"));
        config.event_choices =
            env.list("THORN_EVENT_CHOICES", "comma-separated event names", |name| Some(name.to_owned()));
        set(&mut config.timeout, env.seconds("THORN_EVENT_TIMEOUT"));
        set(
            &mut config.retry.max_attempts,
            env.parsed::<u32>("THORN_RETRY_MAX", "a number of retries").map(|n| n.saturating_add(1)),
        );
        set(&mut config.retry.first, env.seconds("THORN_RETRY_DELAY"));
        config.retry.longest = config.retry.longest.max(config.retry.first);
        if env.read("THORN_RETRY", "true or false", flag) == Some(false) {
            config.retry.max_attempts = 1;
        }
        set(&mut config.poll_interval, env.seconds("THORN_POLL_INTERVAL"));
        set(&mut config.takeover, env.seconds("THORN_TAKEOVER"));
        set(&mut config.audit_after, env.seconds("THORN_AUDIT_AFTER"));
        set(&mut config.disable_after, env.limit("THORN_DISABLE_AFTER"));
        set(&mut config.keep, env.limit("THORN_KEEP"));
        set(&mut config.keep_unmatched, env.limit("THORN_KEEP_UNHEARD"));
        set(&mut config.chunk, env.parsed("THORN_CHUNKSIZE", "a number of deliveries"));
        // It may hold a password, as the key does.
        if let Some(url) = (env.get)("THORN_QUEUE_URL").filter(|url| !url.trim().is_empty()) {
            match url.trim().parse::<QueueUrl>() {
                Ok(url) => config.queue_url = Some(url),
                Err(error) => env.wrong.push(format!("THORN_QUEUE_URL: {error}")),
            }
        }
        set(&mut config.queue_name, env.read("THORN_QUEUE_NAME", "a name", |name| Some(name.to_owned())));
        if env.wrong.is_empty() { Ok(config) } else { Err(ConfigError { variables: env.wrong }) }
    }
}

fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{guard::Validator, signing::Signer};

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::from_lookup(&get)
    }

    #[test]
    fn thorn_172_what_is_unset_or_empty_keeps_its_default() {
        let config = read(&[("THORN_EVENT_TIMEOUT", " ")]).unwrap();
        assert_eq!(config.timeout, Config::default().timeout);
        assert_eq!(config.chunk, 100);
    }

    #[test]
    fn variables_are_read_with_their_units() {
        let config = read(&[
            ("THORN_EVENT_TIMEOUT", "0.5"),
            ("THORN_ALLOW_NETWORKS", "127.0.0.0/8, ::1"),
            ("THORN_RECIPIENT_VALIDATORS", "protocols=https; ports=443,8443"),
            ("THORN_RETRY_MAX", "3"),
            ("THORN_RETRY_DELAY", "2"),
            ("THORN_DISPATCHER", "inline"),
            ("THORN_HMAC_SIGNER", "Compat"),
            ("THORN_QUEUE_URL", "rediss://me:hunter2@queue.example:6380/1"),
        ])
        .unwrap();
        assert_eq!(config.timeout, Duration::from_millis(500));
        assert_eq!(config.dispatch, crate::dispatch::Dispatch::Inline);
        assert_eq!(config.allow_networks, ["127.0.0.0/8".parse::<IpNet>().unwrap(), "::1/128".parse().unwrap()]);
        assert_eq!(config.validators, Some(vec![Validator::protocols(["https"]), Validator::ports([443, 8443])]));
        assert_eq!((config.retry.max_attempts, config.retry.first), (4, Duration::from_secs(2)));
        assert_eq!(config.hmac_signer, Signer::Compat);
        assert_eq!(config.queue_url.as_ref().unwrap().to_string(), "rediss://queue.example");
        assert!(!format!("{config:?}").contains("hunter2"));
        assert_eq!(read(&[("THORN_RETRY", "off")]).unwrap().retry.max_attempts, 1);
    }

    #[test]
    fn all_mistakes_are_told_at_once_and_no_secret_is() {
        let error = read(&[
            ("THORN_EVENT_TIMEOUT", "soon"),
            ("THORN_ALLOW_NETWORKS", "10.0.0.0/99"),
            ("THORN_RECIPIENT_VALIDATORS", "protocols=ftp"),
            ("THORN_SECRET_KEY", "hunter2"),
            ("THORN_QUEUE_URL", "redish://me:hunter2@queue"),
        ])
        .unwrap_err();
        assert_eq!(error.variables.len(), 5);
        assert!(error.to_string().contains("THORN_EVENT_TIMEOUT=soon: expected seconds"));
        assert!(!error.to_string().contains("hunter2"));
    }
}
