//! Settings of the stand-alone server.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    str::FromStr,
};

use url::{Host, Url};

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
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            allowed_hosts: Vec::new(),
            cors_origins: Vec::new(),
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
