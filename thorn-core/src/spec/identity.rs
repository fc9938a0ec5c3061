//! The parts of a subscription that make it unique.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};
use url::Url;

use super::{host::normal_host, source::is_of_webhook};

/// The URL in the spelling of the [URL Standard](https://url.spec.whatwg.org/#concept-url-serializer): a lower-case
/// scheme and host, no default port, no dot segments, an IPv4 address as four decimal numbers. Two URLs with the same
/// normal spelling lead to the same endpoint. A text that isn't a URL stays as it is.
pub(crate) fn normal_url(url: &str) -> Cow<'_, str> {
    match Url::parse(url) {
        Ok(parsed) if parsed.as_str() != url => Cow::Owned(parsed.into()),
        _ => Cow::Borrowed(url),
    }
}

/// The values that make a subscription unique.
#[derive(Clone, Debug)]
pub(crate) struct Identity<'a> {
    pub(crate) owner: Option<&'a str>,
    pub(crate) url: &'a str,
    pub(crate) pattern: &'a str,
    /// The filter's canonical text.
    pub(crate) filter: Option<Cow<'a, str>>,
    /// A configured subscription may equal a user's subscription, so its source is a part of the identity.
    pub(crate) source: Option<&'a str>,
}

impl Identity<'_> {
    /// The URL's host if the subscription takes one of its owner's places. Global and configured subscriptions take
    /// none. Owners make webhooks themselves, so the links of these do.
    pub(crate) fn counted_host(&self) -> Option<String> {
        let is_owners = self.source.is_none_or(is_of_webhook);
        (self.owner.is_some() && is_owners).then(|| normal_host(self.url))
    }

    /// A hash of all values, with the URL in its normal spelling. Every database can index a hash of this length.
    pub(crate) fn hash(&self) -> String {
        let url = normal_url(self.url);
        let mut hash = Sha256::new();
        // Each part follows its length, so that two different lists of parts never give the same bytes.
        let parts = [self.owner, Some(&*url), Some(self.pattern)];
        let source = self.source.map(|source| [None, Some(source)]);
        let more = self.filter.as_deref().map(Some).into_iter().chain(source.into_iter().flatten());
        for part in parts.into_iter().chain(more) {
            hash.update([u8::from(part.is_some())]);
            let part = part.unwrap_or_default();
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spellings of one URL, the normal one first.
    const SPELLINGS: [&[&str]; 4] = [
        &[
            "https://example.com/a/c?q=%20",
            "HTTPS://Example.COM:443/a/c?q=%20",
            "https://example.com/a/b/../c?q=%20",
            "https://example.com/./a/%2e/c?q=%20",
        ],
        &["http://127.0.0.1/", "http://127.1", "http://0x7f.1:80/", "http://2130706433/"],
        &["http://[::1]:8080/", "http://[0:0:0:0:0:0:0:1]:8080"],
        &["https://xn--exmple-cua.de/%C3%B6", "https://exämple.de/ö"],
    ];

    fn identity(url: &str) -> String {
        Identity { owner: Some("alice"), url, pattern: "a.*", filter: None, source: None }.hash()
    }

    #[test]
    fn every_spelling_of_a_url_has_one_normal_spelling_and_one_identity() {
        for spellings in SPELLINGS {
            for url in spellings {
                assert_eq!(normal_url(url), spellings[0]);
                assert_eq!(identity(url), identity(spellings[0]), "{url}");
            }
        }
        let other = ["https://example.com/a/c?q=+", "https://example.com/a/c/", "https://example.com/A/c?q=%20"];
        for url in other {
            assert_ne!(identity(url), identity(SPELLINGS[0][0]), "{url}");
        }
        assert_eq!(normal_url("nowhere"), "nowhere");
    }

    #[test]
    fn an_identity_is_what_release_0_1_stored() {
        let hash = identity("https://example.com/Hook");
        assert_eq!(hash, "e1c779ab04dab462ed024260bf0c17fc5ad03947aa78658bb68116a28766a29a");
    }
}
