//! Headers an application adds to deliveries.

use std::fmt;

use http::{HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

/// A header may not be set, or has a value that can't be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("header `{name}` {reason}")]
pub struct InvalidHeader {
    /// The header's name as given.
    pub name: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Headers in the order they were added; a later one of the same name wins.
///
/// `Debug` shows their names only, since a value may be a credential.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExtraHeaders(Vec<(String, String)>);

impl ExtraHeaders {
    /// Adds a header; it is checked by [`check`](Self::check).
    pub fn push(&mut self, name: String, value: String) {
        self.0.push((name, value));
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and values as given.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// The names as given.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Checks every name and value.
    ///
    /// # Errors
    ///
    /// [`InvalidHeader`] naming the first header that is protected or can't be sent.
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

/// Checks one header.
pub(crate) fn check_header(name: &str, value: &str) -> Result<(), InvalidHeader> {
    let refuse = |reason| Err(InvalidHeader { name: name.escape_debug().to_string(), reason });
    let Ok(parsed) = HeaderName::try_from(name) else {
        return refuse("is not a valid header name");
    };
    if is_protected(&parsed) {
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

/// Signature, identity and framing are never an application's to replace; the content type is the
/// subscription's.
fn is_protected(name: &HeaderName) -> bool {
    const FRAMING: [&str; 9] = [
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "te",
        "trailer",
        "upgrade",
        "expect",
    ];
    let name = name.as_str();
    name.starts_with("hook-") || name.starts_with("webhook-") || FRAMING.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_145_protected_headers_and_line_breaks_are_refused() {
        for (name, value) in [
            ("Hook-HMAC", "x"),
            ("hOOK-event", "x"),
            ("Webhook-Signature", "x"),
            ("HOST", "x"),
            ("Content-Length", "1"),
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
    fn debug_shows_names_only() {
        let headers = ExtraHeaders::from_iter([("Authorization", "Bearer hush")]);
        assert_eq!(format!("{headers:?}"), r#"["Authorization"]"#);
    }
}
