//! Reads the texts of environment variables.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use ipnet::IpNet;
use url::Url;

/// The text of a variable that can't be read.
pub(super) enum Mistake {
    /// The text isn't what is expected; the message shows both.
    Expected(&'static str),
    /// The message shows this reason and not the text, which may hold a secret.
    Secret(String),
}

/// A value with a `FromStr`.
pub(super) fn value<T: FromStr>(text: &str, expected: &'static str) -> Result<T, Mistake> {
    text.parse().map_err(|_| Mistake::Expected(expected))
}

/// A value that may hold a secret.
pub(super) fn secret<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Mistake> {
    text.parse().map_err(|error: T::Err| Mistake::Secret(error.to_string()))
}

/// A duration.
pub(super) fn seconds(text: &str) -> Result<Duration, Mistake> {
    duration(text).ok_or(Mistake::Expected("seconds, such as 15 or 0.5"))
}

/// The silence after which a stream gets a heartbeat.
pub(super) fn heartbeat(text: &str) -> Result<Duration, Mistake> {
    let time = duration(text).filter(|time| *time >= super::SHORTEST_HEARTBEAT);
    time.ok_or(Mistake::Expected("at least 0.1 seconds, such as 15"))
}

/// A duration, or `none` for no limit.
pub(super) fn limit(text: &str) -> Result<Option<Duration>, Mistake> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    duration(text).map(Some).ok_or(Mistake::Expected("seconds, such as 86400, or `none`"))
}

/// A number, or `none`.
pub(super) fn count<T: FromStr>(text: &str, expected: &'static str) -> Result<Option<T>, Mistake> {
    if text.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    value(text, expected).map(Some)
}

/// True or false, in the words that are usual in environments.
pub(super) fn flag(text: &str) -> Result<bool, Mistake> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Ok(true),
        "0" | "false" | "no" | "off" => Ok(false),
        _ => Err(Mistake::Expected("true or false")),
    }
}

/// An http or https URL.
pub(super) fn base_url(text: &str) -> Result<String, Mistake> {
    let is_http = text.starts_with("http://") || text.starts_with("https://");
    let is_url = is_http && Url::parse(text).is_ok_and(|url| url.has_host());
    if is_url { Ok(text.to_owned()) } else { Err(Mistake::Expected("an http or https URL")) }
}

/// Items between separators. Empty items are skipped.
pub(super) fn list<T>(
    text: &str,
    separator: char,
    expected: &'static str,
    item: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, Mistake> {
    let items = text.split(separator).map(str::trim).filter(|item| !item.is_empty());
    items.map(item).collect::<Option<_>>().ok_or(Mistake::Expected(expected))
}

/// A network; an address is the network of that address alone.
pub(super) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// A network that is opened on every port, or, as `Err`, an address that is opened on one port.
pub(super) fn target(text: &str) -> Option<Result<IpNet, SocketAddr>> {
    network(text).map(Ok).or_else(|| text.parse().ok().map(Err))
}

fn duration(text: &str) -> Option<Duration> {
    text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}
