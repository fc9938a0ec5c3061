//! Callbacks: their form, and the URLs with which they are asked.

use std::net::{IpAddr, Ipv6Addr};

use url::{Host, Position, Url, form_urlencoded};

use crate::{
    guard::{TargetError, TargetGuard},
    spec::{check_url_form, normal_host},
};

/// The most bytes of a callback's URL, which is the width of its column.
const LONGEST: usize = 2048;

/// The addresses of a callback's host that are counted.
const ADDRESSES: usize = 8;

/// A callback whose URL can be requested exactly as it was given.
#[derive(Debug)]
pub(super) struct Callback {
    url: Url,
    /// The host in its normal spelling.
    pub(super) host: String,
}

impl Callback {
    /// Checks the text of a callback's URL. The error says what is wrong and doesn't repeat the URL.
    pub(super) fn parse(text: &str, guard: &TargetGuard) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("it has {} bytes, at most {LONGEST} are allowed", text.len()));
        }
        check_url_form(text)?;
        let url = Url::parse(text).map_err(|error| format!("this is not a url: {error}"))?;
        if behind_host(text) != url[Position::BeforePath..] && !behind_host(text).is_empty() {
            return Err(
                "its path or its query would be sent in another spelling, such as with `%27` for an apostrophe; \
                        give the spelling of the URL Standard"
                    .to_owned(),
            );
        }
        guard.check_url(&url).map_err(|refused| refused.to_string())?;
        Ok(Self { url, host: normal_host(text) })
    }

    /// The addresses of the host, as they are counted: IPv6 gives every host a /64 network of its own.
    pub(super) async fn addresses(&self, guard: &TargetGuard) -> Result<Vec<String>, TargetError> {
        let ips = match self.url.host() {
            Some(Host::Domain(name)) => {
                let port = self.url.port_or_known_default().unwrap_or_default();
                guard.resolve(name, port).await?.into_iter().map(|address| address.ip()).collect()
            }
            Some(Host::Ipv4(ip)) => vec![IpAddr::V4(ip)],
            Some(Host::Ipv6(ip)) => vec![IpAddr::V6(ip)],
            None => Vec::new(),
        };
        let mut counted: Vec<String> = ips.into_iter().map(network).collect();
        counted.sort_unstable();
        counted.dedup();
        counted.truncate(ADDRESSES);
        Ok(counted)
    }
}

fn network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("{}/64", Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX))),
    }
}

/// The part of a URL after the host. A path is added if only a query follows.
fn behind_host(text: &str) -> std::borrow::Cow<'_, str> {
    let begin = text.find("://").map_or(0, |at| at + 3);
    let rest = text.get(begin..).unwrap_or_default();
    let rest = rest.find(['/', '?']).map_or("", |at| &rest[at..]);
    if rest.starts_with('?') { format!("/{rest}").into() } else { rest.into() }
}

/// The callback with more parameters behind its own query, which stays as it is byte for byte.
pub(super) fn with_parameters(callback: &str, parameters: &[(&str, &str)]) -> Result<Url, url::ParseError> {
    let ours = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let between = if callback.contains('?') { '&' } else { '?' };
    Url::parse(&format!("{callback}{between}{ours}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Callback, String> {
        Callback::parse(text, &TargetGuard::new())
    }

    #[test]
    fn ws26_a_callback_is_taken_only_if_it_can_be_requested_as_it_is() {
        for good in [
            "https://a.example",
            "https://a.example/",
            "https://a.example/cb",
            "https://a.example/cb?",
            "https://a.example?a",
            "HTTPS://A.example/cb?a=",
            "https://a.example/cb?a=b%26c&z=%zz;+%20",
            "https://a.example:443/cb;x=1?y={}",
        ] {
            assert!(parse(good).is_ok(), "{good}: {:?}", parse(good).err());
        }
        for bad in [
            "https://a.example/cb?a='b'",
            "https://a.example/a/../b",
            "https://a.example/%2e/b",
            "https://a.example/ä",
            "https://a.example/a b",
            "https://a.example/cb#part",
            "https://a.example/cb#",
            "https://u:p@a.example/",
            "ftp://a.example/",
            "a.example",
            "",
            "http://127.0.0.1/",
            "http://a.example:8080/",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        let long = |length: usize| parse(&format!("https://a.example/{}", "x".repeat(length - 18)));
        assert!(long(2048).is_ok());
        assert!(long(2049).unwrap_err().contains("2049 bytes"));
    }

    #[test]
    fn ws9_ps6_the_query_of_a_callback_stays_and_ours_follows() {
        let pairs = [("hub.mode", "subscribe"), ("hub.topic", "https://t.example/?x=1&y=2")];
        let ours = "hub.mode=subscribe&hub.topic=https%3A%2F%2Ft.example%2F%3Fx%3D1%26y%3D2";
        for (callback, expected) in [
            ("https://a.example/cb", "https://a.example/cb?"),
            ("https://a.example", "https://a.example/?"),
            ("https://a.example/cb?a=b%26c", "https://a.example/cb?a=b%26c&"),
            ("https://a.example/?z=y&a=b", "https://a.example/?z=y&a=b&"),
            ("https://a.example/?hub.challenge=x&hub.mode=", "https://a.example/?hub.challenge=x&hub.mode=&"),
            ("https://a.example/?%zz+%20", "https://a.example/?%zz+%20&"),
            ("https://a.example/cb?", "https://a.example/cb?&"),
        ] {
            assert_eq!(with_parameters(callback, &pairs).unwrap().as_str(), format!("{expected}{ours}"));
        }
    }

    #[tokio::test]
    async fn ab2_addresses_are_counted_by_network() {
        let guard = TargetGuard::new().resolving_to([["2001:4860:4860:1::1", "2001:4860:4860:1::2"]]);
        let addresses = parse("https://a.example/").unwrap().addresses(&guard).await.unwrap();
        assert_eq!(addresses, ["2001:4860:4860:1::/64"]);
        let literal = parse("https://1.1.1.1/").unwrap();
        assert_eq!((literal.addresses(&guard).await.unwrap(), &*literal.host), (vec!["1.1.1.1".to_owned()], "1.1.1.1"));
    }
}
