//! The hosts of URLs.

use url::{Host, Url};

/// The most characters of a host. DNS names are shorter, but a URL may name a host that can't exist.
const LONGEST: usize = 190;

/// The URL's host in one spelling: a name in lower case without a dot at its end, an address in its shortest form.
///
/// The host of a text that isn't a URL is empty.
pub(crate) fn normal_host(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return String::new() };
    let host = match url.host() {
        Some(Host::Domain(name)) => name.trim_end_matches('.').to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        // An IPv4 address may be written as an IPv6 address, too.
        Some(Host::Ipv6(address)) => address.to_canonical().to_string(),
        None => String::new(),
    };
    host.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_host_is_one_host_whatever_the_port_and_path() {
        for (host, urls) in [
            ("example.com", ["https://example.com/a", "HTTP://EXAMPLE.com.:8443/b?c", "https://%65xample.com"]),
            ("xn--exmple-cua.de", ["https://exämple.de/", "https://EXÄMPLE.de", "http://xn--exmple-cua.de:8080"]),
            ("127.0.0.1", ["http://127.0.0.1/", "http://2130706433:90/", "http://[::ffff:127.0.0.1]/"]),
            ("::1", ["http://[::1]/", "http://[0:0:0:0:0:0:0:1]:90/", "https://[::0001]/x"]),
            ("", ["nowhere", "data:,x", ""]),
        ] {
            for url in urls {
                assert_eq!(normal_host(url), host, "{url}");
            }
        }
        assert_ne!(normal_host("https://a.example.com"), normal_host("https://example.com"));
        assert_eq!(normal_host(&format!("https://{}/", "a".repeat(1000))).len(), LONGEST);
    }
}
