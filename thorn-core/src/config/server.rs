//! Settings of the stand-alone server.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

use ipnet::IpNet;
use url::{Host, Url};

use super::hub::{HubDigest, HubLease, HubRates};
use crate::topic::{TopicPrefix, TopicUrl};

/// Settings that only the stand-alone server needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerConfig {
    /// The address that the server listens on. Default: `127.0.0.1:8080`.
    pub listen: SocketAddr,
    /// Hosts that requests may be for, in addition to `localhost`, `127.0.0.1`, `[::1]` and the host of
    /// [`base_url`](super::Config::base_url). Default: none.
    pub allowed_hosts: Vec<AllowedHost>,
    /// Origins whose pages may call the server. Default: none.
    pub cors_origins: Vec<Origin>,
    /// The topics that the hub takes. Default: [`HubMode::Topics`].
    pub hub: HubMode,
    /// URLs with which topics begin that anybody may subscribe to, besides registered ones. Default: none.
    pub hub_topics: Vec<TopicPrefix>,
    /// Networks outside the public internet that topics may be fetched from, on any port. Callbacks have their own
    /// ([`allow_networks`](super::Config::allow_networks)). Default: none.
    pub hub_fetch_networks: Vec<IpNet>,
    /// The hash function of the signatures of `WebSub` deliveries. Those of `PubSubHubbub` have SHA-1. Default: SHA-256.
    pub hub_digest: HubDigest,
    /// How long the hub's subscriptions last.
    pub hub_lease: HubLease,
    /// The bounds on requests of subscribers and on subscriptions.
    pub hub_rates: HubRates,
    /// Whether a `PubSubHubbub` request may wait for its verification (`hub.verify=sync`). Default: `true`.
    pub hub_sync: bool,
}

impl ServerConfig {
    /// Whether the hub takes a subscription to a topic that isn't registered, as far as its URL goes.
    #[must_use]
    pub fn takes_unregistered(&self, topic: &TopicUrl) -> bool {
        match self.hub {
            HubMode::Off => false,
            HubMode::Topics => self.hub_topics.iter().any(|prefix| prefix.covers(topic)),
            HubMode::Open => true,
        }
    }
}

/// The topics that the hub takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HubMode {
    /// `off`: there is no hub.
    Off,
    /// `topics`: registered ones, and those that begin with one of the [prefixes](ServerConfig::hub_topics).
    #[default]
    Topics,
    /// `open`: every topic that advertises this hub.
    Open,
}

/// A text is no mode of the hub.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no mode of the hub; use off, topics or open")]
pub struct InvalidHubMode(String);

impl FromStr for HubMode {
    type Err = InvalidHubMode;

    fn from_str(text: &str) -> Result<Self, InvalidHubMode> {
        let all = [Self::Off, Self::Topics, Self::Open];
        all.into_iter().find(|mode| mode.as_str() == text).ok_or_else(|| InvalidHubMode(text.to_owned()))
    }
}

impl HubMode {
    /// The name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Topics => "topics",
            Self::Open => "open",
        }
    }
}

impl fmt::Display for HubMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            allowed_hosts: Vec::new(),
            cors_origins: Vec::new(),
            hub: HubMode::default(),
            hub_topics: Vec::new(),
            hub_fetch_networks: Vec::new(),
            hub_digest: HubDigest::default(),
            hub_lease: HubLease::default(),
            hub_rates: HubRates::default(),
            hub_sync: true,
        }
    }
}

/// The name of a host, or an address with IPv6 in brackets, in lower case and without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost(String);

/// A text is no host name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host name; leave out scheme, port and path, and put an IPv6 address in brackets")]
pub struct InvalidHost(String);

impl AllowedHost {
    /// The host.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AllowedHost {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let host = Host::parse(text).map_err(|_| InvalidHost(text.to_owned()))?.to_string();
        // `Host` also reads forms such as `127.1`, which no request has to match, and a `*`, which would match none.
        if host.eq_ignore_ascii_case(text) && !host.contains('*') {
            Ok(Self(host))
        } else {
            Err(InvalidHost(text.to_owned()))
        }
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The origin of a web page: scheme, host and port, as browsers write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin(String);

/// A text is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no origin; write scheme, host and port as browsers do, such as https://app.example")]
pub struct InvalidOrigin(String);

impl Origin {
    /// The origin.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let origin = url.map(|url| url.origin().ascii_serialization());
        origin
            .filter(|origin| origin == text && !origin.contains('*'))
            .map(Self)
            .ok_or_else(|| InvalidOrigin(text.to_owned()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_takes_what_its_mode_says() {
        let topic: TopicUrl = "https://blog.example/feed".parse().unwrap();
        let prefixes = vec!["https://blog.example/".parse().unwrap()];
        for (mode, with, without) in [("off", false, false), ("topics", true, false), ("open", true, true)] {
            let mut config = ServerConfig { hub: mode.parse().unwrap(), ..ServerConfig::default() };
            assert_eq!((config.takes_unregistered(&topic), config.hub.to_string()), (without, mode.to_owned()));
            config.hub_topics = prefixes.clone();
            assert_eq!(config.takes_unregistered(&topic), with, "{mode}");
        }
        assert!("Open".parse::<HubMode>().is_err());
    }

    #[test]
    fn a_host_is_exact_and_has_no_port() {
        for (text, host) in [("Hooks.Example", "hooks.example"), ("10.0.0.1", "10.0.0.1"), ("[::1]", "[::1]")] {
            assert_eq!(text.parse::<AllowedHost>().unwrap().as_str(), host);
        }
        for bad in ["", "a.example:80", "http://a.example", "a.example/x", "::1", "127.1", "*", "*.example", "a b"] {
            assert!(bad.parse::<AllowedHost>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_origin_is_exact() {
        for good in ["https://app.example", "http://localhost:3000", "http://[::1]:8080"] {
            assert_eq!(good.parse::<Origin>().unwrap().as_str(), good);
        }
        for bad in
            ["*", "null", "app.example", "https://app.example/", "https://app.example:443", "ftp://a", "https://*.a"]
        {
            assert!(bad.parse::<Origin>().is_err(), "{bad}");
        }
    }
}
