//! Extra HTTP headers that an application or a subscription adds to deliveries.

use std::fmt;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

/// A header is reserved, or its name or value isn't valid in HTTP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("header `{name}` {reason}")]
pub struct InvalidHeader {
    /// The name of the header, with control characters escaped.
    pub name: String,
    /// Says what is wrong with the header, phrased to follow its name.
    pub reason: &'static str,
}

/// Extra headers in the order they were added. If a name occurs twice, the later value is sent.
///
/// `Debug` shows only the names, because a value may be a credential.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExtraHeaders(Vec<(String, String)>);

impl ExtraHeaders {
    /// Adds a header without checking it; call [`check`](Self::check) before the headers are used.
    pub fn push(&mut self, name: String, value: String) {
        self.0.push((name, value));
    }

    /// Whether there are no headers.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The number of headers.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Checks every name and value.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] for the first header that is reserved or isn't valid in HTTP.
    pub fn check(&self) -> Result<(), InvalidHeader> {
        self.iter().try_for_each(|(name, value)| check_header(name, value))
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for ExtraHeaders {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(headers: I) -> Self {
        Self(headers.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for ExtraHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// Checks that a header is valid in HTTP and not reserved.
pub(crate) fn check_header(name: &str, value: &str) -> Result<(), InvalidHeader> {
    let refuse = |reason| Err(InvalidHeader { name: name.escape_debug().to_string(), reason });
    let Ok(parsed) = HeaderName::try_from(name) else {
        return refuse("is not a valid header name");
    };
    if is_reserved(&parsed) {
        return refuse("is set by thorn or by the HTTP connection and can't be replaced");
    }
    if value.contains(['\r', '\n']) {
        return refuse("has a line break in its value");
    }
    if HeaderValue::try_from(value).is_err() {
        return refuse("has a value with control characters");
    }
    Ok(())
}

/// Whether thorn or the HTTP connection sets the header. The content type is a field of the subscription.
fn is_reserved(name: &HeaderName) -> bool {
    const RESERVED: [&str; 16] = [
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "expect",
        // Hop-by-hop headers: they speak to the next proxy and not to the receiver (RFC 9110, section 7.6.1).
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "upgrade",
        "http2-settings",
        "proxy-connection",
        "proxy-authorization",
        "proxy-authenticate",
        "proxy-authentication-info",
        "max-forwards",
    ];
    let name = name.as_str();
    name.starts_with("hook-") || name.starts_with("webhook-") || RESERVED.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_145_reserved_headers_and_line_breaks_are_refused() {
        for (name, value) in [
            ("Hook-HMAC", "x"),
            ("hOOK-event", "x"),
            ("Webhook-Signature", "x"),
            ("HOST", "x"),
            ("Content-Length", "1"),
            ("Keep-Alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
            ("Proxy-Authorization", "Basic x"),
            ("Proxy-Authenticate", "Basic"),
            ("Proxy-Authentication-Info", "x"),
            ("TE", "trailers"),
            ("Trailer", "X-A"),
            ("Upgrade", "h2c"),
            ("Max-Forwards", "0"),
            ("X-A", "a\r\nX-B: c"),
            ("X-A", "a\nb"),
            ("X A", "a"),
            ("", "a"),
        ] {
            assert!(check_header(name, value).is_err(), "{name}: {value:?}");
        }
        assert!(check_header("X-Tenant", "blue").is_ok());
        assert!(check_header("User-Agent", "mine/1").is_ok());
    }

    #[test]
    fn debug_shows_only_the_names() {
        let headers = ExtraHeaders::from_iter([("Authorization", "Bearer hush")]);
        assert_eq!(format!("{headers:?}"), r#"["Authorization"]"#);
    }
}
