//! The URL of a topic, in the spelling by which topics are told apart.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};
use url::Url;

/// The most bytes of a topic's URL, which is the width of its column.
const LONGEST: usize = 2048;

/// The URL of a topic, in the spelling of the [URL Standard](https://url.spec.whatwg.org/#concept-url-serializer) and without
/// a fragment. Two spellings of a URL are the same topic.
///
/// # Examples
///
/// ```
/// use thorn_core::topic::TopicUrl;
///
/// let topic: TopicUrl = "HTTPS://Blog.example:443/feed?x=1&y=2#top".parse()?;
/// assert_eq!(topic.as_str(), "https://blog.example/feed?x=1&y=2");
/// assert!("ftp://blog.example/".parse::<TopicUrl>().is_err());
/// # Ok::<(), thorn_core::topic::InvalidTopicUrl>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicUrl(Url);

/// A text can't be the URL of a topic.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTopicUrl {
    /// It isn't a URL with a host.
    #[error("it isn't a URL; write one such as https://blog.example/feed")]
    NoUrl,
    /// Its scheme is neither `http` nor `https`.
    #[error("its scheme isn't http or https")]
    Scheme,
    /// It has a user name or a password.
    #[error("it contains a user name or password, which every subscriber would see")]
    Credentials,
    /// It is too long.
    #[error("it has {length} bytes, at most {LONGEST} are allowed")]
    TooLong {
        /// The number of bytes, in the normal spelling.
        length: usize,
    },
}

impl TopicUrl {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The URL.
    pub(crate) const fn as_url(&self) -> &Url {
        &self.0
    }

    /// The hash by which the table finds the topic.
    pub(super) fn hash(&self) -> String {
        Sha256::digest(self.as_str()).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl FromStr for TopicUrl {
    type Err = InvalidTopicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidTopicUrl> {
        // Parsing a very long text would be work for nothing.
        if text.len() > LONGEST * 2 {
            return Err(InvalidTopicUrl::TooLong { length: text.len() });
        }
        let mut url = Url::parse(text).map_err(|_| InvalidTopicUrl::NoUrl)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(InvalidTopicUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(InvalidTopicUrl::Credentials);
        }
        url.set_fragment(None);
        match url.as_str().len() {
            length if length > LONGEST => Err(InvalidTopicUrl::TooLong { length }),
            _ => Ok(Self(url)),
        }
    }
}

impl fmt::Display for TopicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The beginning of the URLs of topics that anybody may subscribe to, such as `https://blog.example/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicPrefix(String);

impl TopicPrefix {
    /// Whether the topic's URL begins with this.
    #[must_use]
    pub fn covers(&self, topic: &TopicUrl) -> bool {
        topic.as_str().starts_with(&self.0)
    }
}

impl FromStr for TopicPrefix {
    type Err = InvalidTopicUrl;

    /// Reads a prefix. One without a path ends behind the host, so it covers no host with a longer name.
    fn from_str(text: &str) -> Result<Self, InvalidTopicUrl> {
        Ok(Self(text.parse::<TopicUrl>()?.0.into()))
    }
}

impl fmt::Display for TopicPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(text: &str) -> TopicUrl {
        text.parse().unwrap()
    }

    #[test]
    fn br2_spellings_of_a_url_are_one_topic_and_its_query_stays_as_it_is() {
        for spelling in ["https://a.example/f?x=1&y=%2F", "HTTPS://A.example:443/./f?x=1&y=%2F#part"] {
            assert_eq!(topic(spelling).hash(), topic("https://a.example/f?x=1&y=%2F").hash(), "{spelling}");
        }
        for other in ["https://a.example/f?x=1&y=/", "http://a.example/f?x=1&y=%2F", "https://a.example/f/?x=1&y=%2F"] {
            assert_ne!(topic(other).hash(), topic("https://a.example/f?x=1&y=%2F").hash(), "{other}");
        }
    }

    #[test]
    fn a_url_that_no_topic_can_have_is_refused() {
        for bad in ["", "feed", "https://", "ftp://a.example/", "https://u:p@a.example/", "https://u@a.example/"] {
            assert!(bad.parse::<TopicUrl>().is_err(), "{bad}");
        }
        let long = |length: usize| format!("https://a.example/{}", "x".repeat(length - 18)).parse::<TopicUrl>();
        assert!(long(2048).is_ok());
        assert_eq!(long(2049), Err(InvalidTopicUrl::TooLong { length: 2049 }));
        assert!(matches!(long(9000), Err(InvalidTopicUrl::TooLong { .. })));
    }

    #[test]
    fn a_prefix_covers_no_other_host() {
        let prefix: TopicPrefix = "https://blog.example".parse().unwrap();
        assert!(prefix.covers(&topic("https://blog.example/feed")));
        for other in ["https://blog.example.evil.example/", "https://blog.example:8443/", "http://blog.example/"] {
            assert!(!prefix.covers(&topic(other)), "{other}");
        }
        let deeper: TopicPrefix = "https://blog.example/feeds/".parse().unwrap();
        assert!(
            deeper.covers(&topic("https://blog.example/feeds/a?b")) && !deeper.covers(&topic("https://blog.example/"))
        );
    }
}
