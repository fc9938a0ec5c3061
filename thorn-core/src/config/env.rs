//! Settings from environment variables, for programs.

use std::fmt;

use super::{
    Config,
    parse::Mistake,
    setting::{self, Reader},
    settings::SETTINGS,
};
use crate::error::Error;

/// Letters that are wrong, missing or too many in a name that is still recognised.
const MAX_TYPING_ERRORS: usize = 2;

/// The environment variables that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// One line for each variable, with the mistake and what is expected. Secrets don't appear.
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

impl Config {
    /// Reads the variables `THORN_…` from the environment. A variable that is unset or empty keeps its
    /// default.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with every variable that can't be read, and every `THORN_…` that differs from a known name
    /// by a typing error. Other variables whose names begin with `THORN_` are ignored.
    pub fn from_env() -> Result<Self, ConfigError> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        let mut misspelt: Vec<String> = names.filter_map(|name| misspelt(&name)).collect();
        match Self::from_lookup(&|name| std::env::var(name).ok()) {
            Ok(config) if misspelt.is_empty() => Ok(config),
            Ok(_) => Err(ConfigError { variables: misspelt }),
            Err(ConfigError { mut variables }) => {
                variables.append(&mut misspelt);
                Err(ConfigError { variables })
            }
        }
    }

    /// Reads the variables `THORN_…` from another source: `get` returns the text of a variable.
    ///
    /// # Errors
    ///
    /// As [`from_env`](Self::from_env).
    ///
    /// # Examples
    ///
    /// ```
    /// let get = |name: &str| (name == "THORN_EVENT_TIMEOUT").then(|| "2.5".to_owned());
    /// let config = thorn_core::Config::from_lookup(&get)?;
    /// assert_eq!(config.timeout, std::time::Duration::from_millis(2500));
    /// # Ok::<(), thorn_core::config::ConfigError>(())
    /// ```
    pub fn from_lookup(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let (mut config, mut variables) = (Self::default(), Vec::new());
        for variable in SETTINGS.iter().filter_map(|setting| setting.variable.as_ref()) {
            let Some(text) = get(variable.name).filter(|text| !text.trim().is_empty()) else { continue };
            match (variable.set)(&mut config, text.trim()) {
                Ok(()) => {}
                Err(Mistake::Expected(expected)) => {
                    variables.push(format!("{}={text}: expected {expected}", variable.name));
                }
                Err(Mistake::Secret(reason)) => variables.push(format!("{}: {reason}", variable.name)),
            }
        }
        if variables.is_empty() { Ok(config) } else { Err(ConfigError { variables }) }
    }

    /// The variables that [`from_env`](Self::from_env) reads, each with its default and meaning: a text for
    /// the `--help` of a program.
    #[must_use]
    pub fn variables_help() -> String {
        format!(
            "Settings from the environment (durations in seconds):\n{}\n\
             Read as well, but used by applications only:\n{}\n\
             And by the server only:\n{}",
            setting::help(SETTINGS, Reader::Worker),
            setting::help(SETTINGS, Reader::Application),
            setting::help(SETTINGS, Reader::Server),
        )
    }

    /// The variables that [`from_env`](Self::from_env) reads, in the order that matters for the stand-alone server: a
    /// text for its `--help`.
    #[must_use]
    pub fn server_variables_help() -> String {
        format!(
            "Settings of the server from the environment (durations in seconds):\n{}{}\n\
             And of its worker:\n{}",
            setting::help(SETTINGS, Reader::Server),
            setting::help(SETTINGS, Reader::Application),
            setting::help(SETTINGS, Reader::Worker),
        )
    }

    /// The table of all settings in `docs/settings.md`.
    #[doc(hidden)]
    #[must_use]
    pub fn settings_table() -> String {
        setting::table(SETTINGS)
    }
}

/// The error for a variable with a typing error in its name.
fn misspelt(name: &str) -> Option<String> {
    if !name.starts_with("THORN_") {
        return None;
    }
    let known = SETTINGS.iter().filter_map(|setting| setting.variable.as_ref()).map(|variable| variable.name);
    let distances = known.map(|known| (strsim::osa_distance(name, known), known));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (1..=MAX_TYPING_ERRORS)
        .contains(&distance)
        .then(|| format!("{name}: there is no such setting; did you mean {nearest}?"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ipnet::IpNet;

    use super::*;
    use crate::{guard::Validator, signing::Signer};

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::from_lookup(&get)
    }

    #[test]
    fn thorn_172_an_unset_or_empty_variable_keeps_its_default() {
        let config = read(&[("THORN_EVENT_TIMEOUT", " ")]).unwrap();
        assert_eq!(config.timeout, Config::default().timeout);
        assert_eq!(config.chunk, 100);
    }

    #[test]
    fn a_misspelt_variable_is_told_with_the_nearest_name_and_an_unknown_one_is_not() {
        let told = misspelt("THORN_ALLOW_NETWORK").unwrap();
        assert_eq!(told, "THORN_ALLOW_NETWORK: there is no such setting; did you mean THORN_ALLOW_NETWORKS?");
        assert!(misspelt("THORN_RETYR").unwrap().ends_with("THORN_RETRY?"));
        assert!(misspelt("THORN_MAX_SUBSCRIPTION").unwrap().ends_with("did you mean THORN_MAX_SUBSCRIPTIONS?"));
        for fine in ["THORN_ALLOW_NETWORKS", "THORN_TEST_FULL", "THORN_SECRET", "ALLOW_NETWORK", "THORN_HOME_FOLDER"] {
            assert_eq!(misspelt(fine), None, "{fine}");
        }
    }

    #[test]
    fn variables_are_read_with_their_units() {
        let config = read(&[
            ("THORN_EVENT_TIMEOUT", "0.5"),
            ("THORN_ALLOW_NETWORKS", "127.0.0.0/8, ::1, 10.0.0.5:8080, [fd00::1]:443"),
            ("THORN_RECIPIENT_VALIDATORS", "protocols=https; ports=443,8443"),
            ("THORN_RETRY_MAX", "3"),
            ("THORN_RETRY_DELAY", "2"),
            ("THORN_DISPATCHER", "inline"),
            ("THORN_HMAC_SIGNER", "Compat"),
            ("THORN_MAX_SUBSCRIPTIONS", "0"),
            ("THORN_MAX_SUBSCRIPTIONS_PER_HOST", "None"),
            ("THORN_MAX_HEADER_BYTES", "1024"),
            ("THORN_MAX_FILTER_BYTES", "0"),
            ("THORN_QUEUE_URL", "rediss://me:hunter2@queue.example:6380/1"),
        ])
        .unwrap();
        assert_eq!(config.timeout, Duration::from_millis(500));
        assert_eq!(config.dispatch, crate::dispatch::Dispatch::Inline);
        assert_eq!(config.allow_networks, ["127.0.0.0/8".parse::<IpNet>().unwrap(), "::1/128".parse().unwrap()]);
        let addresses = ["10.0.0.5:8080".parse().unwrap(), "[fd00::1]:443".parse().unwrap()];
        assert_eq!(config.allow_addresses, addresses);
        let guard = config.guard();
        assert!(guard.check_address("10.0.0.5".parse().unwrap(), 8080).is_ok());
        assert!(guard.check_address("10.0.0.5".parse().unwrap(), 443).is_err());
        assert_eq!(config.validators, Some(vec![Validator::protocols(["https"]), Validator::ports([443, 8443])]));
        assert_eq!((config.retry.max_attempts, config.retry.first), (4, Duration::from_secs(2)));
        assert_eq!(config.hmac_signer, Signer::Compat);
        assert_eq!((config.max_subscriptions, config.max_subscriptions_per_host), (Some(0), None));
        assert_eq!((config.max_header_bytes, config.max_filter_bytes), (1_024, 0));
        assert_eq!(config.queue_url.as_ref().unwrap().to_string(), "rediss://queue.example");
        assert!(!format!("{config:?}").contains("hunter2"));
        assert_eq!(read(&[("THORN_RETRY", "off")]).unwrap().retry.max_attempts, 1);
    }

    #[test]
    fn one_error_names_every_mistake_and_shows_no_secret() {
        let error = read(&[
            ("THORN_EVENT_TIMEOUT", "soon"),
            ("THORN_ALLOW_NETWORKS", "10.0.0.0/99"),
            ("THORN_RECIPIENT_VALIDATORS", "protocols=ftp"),
            ("THORN_SECRET_KEY", "hunter2"),
            ("THORN_QUEUE_URL", "redish://me:hunter2@queue"),
            ("THORN_MAX_SUBSCRIPTIONS", "-1"),
            ("THORN_MAX_SUBSCRIPTIONS_PER_HOST", "many"),
        ])
        .unwrap_err();
        assert_eq!(error.variables.len(), 7);
        let bound = "THORN_MAX_SUBSCRIPTIONS=-1: expected a number of subscriptions, such as 100, or `none`";
        assert!(error.variables.iter().any(|variable| variable == bound), "{error}");
        assert!(error.to_string().contains("THORN_EVENT_TIMEOUT=soon: expected seconds"));
        assert!(!error.to_string().contains("hunter2"));
    }

    /// Names all fields; a new field that isn't listed doesn't compile.
    macro_rules! fields {
        ($($field:ident)*) => {{
            let Config { $($field: _),* } = Config::default();
            [$(stringify!($field)),*]
        }};
    }

    #[test]
    fn every_field_has_a_row_and_every_row_a_field() {
        let fields = fields!(
            base_url max_event_bytes max_payload_bytes server autocommit dispatch inline_concurrency inline_timeout allow_networks allow_addresses
            allow_ports validators subscriptions_file secret_key sealed_only hmac_signer event_choices max_subscriptions
            max_subscriptions_per_host max_header_bytes max_filter_bytes confirm timeout retry hold max_response_bytes queue_url queue_name listen_url poll_interval
            takeover audit_after disable_after longest_pause most_kept keep keep_unmatched event_log streams
            streams_per_caller streams_per_source stream_heartbeat chunk longest_queue
        );
        let rows: Vec<&str> = SETTINGS.iter().filter_map(|setting| setting.field.split('.').next()).collect();
        assert!(fields.iter().all(|field| rows.contains(field)), "{fields:?} {rows:?}");
        assert!(rows.iter().all(|row| fields.contains(row)), "{fields:?} {rows:?}");
    }

    #[test]
    fn retries_that_are_switched_off_stay_off_with_a_number_of_retries() {
        let config = read(&[("THORN_RETRY", "false"), ("THORN_RETRY_MAX", "3")]).unwrap();
        assert_eq!(config.retry.max_attempts, 1);
    }
}
