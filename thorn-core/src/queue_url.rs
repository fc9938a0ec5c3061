//! The setting that says where the queue is.

use std::{fmt, str::FromStr};

/// Where tasks are queued: `redis://…`, `rediss://…` (Redis with TLS) or `memory:` (this process).
///
/// The URL may hold a password, so `Display` and `Debug` show only its scheme and host.
///
/// # Examples
///
/// ```
/// use thorn_core::config::QueueUrl;
///
/// let url: QueueUrl = "rediss://thorn:s3cr3t@queue.example/0".parse()?;
/// assert_eq!(url.to_string(), "rediss://queue.example");
/// assert!("redish://queue.example".parse::<QueueUrl>().is_err());
/// # Ok::<(), thorn_core::config::InvalidQueueUrl>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct QueueUrl(Place);

/// The place that a [`QueueUrl`] names.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// `shown` is the part of the URL without a password.
    Redis {
        url: String,
        shown: String,
    },
    Memory,
}

/// The error for an invalid queue URL. It doesn't repeat the URL, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the queue's URL must be redis://host:6379/0, rediss://… for a connection with TLS, or memory:")]
pub struct InvalidQueueUrl;

impl QueueUrl {
    pub(crate) const fn place(&self) -> &Place {
        &self.0
    }
}

impl FromStr for QueueUrl {
    type Err = InvalidQueueUrl;

    fn from_str(text: &str) -> Result<Self, InvalidQueueUrl> {
        if matches!(text, "memory:" | "memory://") {
            return Ok(Self(Place::Memory));
        }
        let url = url::Url::parse(text).map_err(|_| InvalidQueueUrl)?;
        match (url.scheme(), url.host_str()) {
            ("redis" | "rediss", Some(host)) if !host.is_empty() => {
                let shown = format!("{}://{host}", url.scheme());
                Ok(Self(Place::Redis { url: text.to_owned(), shown }))
            }
            _ => Err(InvalidQueueUrl),
        }
    }
}

impl fmt::Display for QueueUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Redis { shown, .. } => f.write_str(shown),
            Place::Memory => f.write_str("memory:"),
        }
    }
}

impl fmt::Debug for QueueUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueueUrl({self})")
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redis { shown, .. } => f.write_str(shown),
            Self::Memory => f.write_str("memory:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_its_place_and_shows_no_password() {
        let url: QueueUrl = "redis://me:hunter2@queue.example:6380/3".parse().unwrap();
        assert!(matches!(url.place(), Place::Redis { url, .. } if url.contains("hunter2")));
        assert_eq!(format!("{url} {url:?}"), "redis://queue.example QueueUrl(redis://queue.example)");
        assert_eq!("memory:".parse::<QueueUrl>().unwrap().place(), &Place::Memory);
    }

    #[test]
    fn an_invalid_url_is_refused_without_repeating_it() {
        for wrong in ["", "redis:", "redis://", "postgres://me:hunter2@db/app", "hunter2", "memory:x"] {
            let refused = wrong.parse::<QueueUrl>().unwrap_err();
            assert!(!refused.to_string().contains("hunter2"), "{wrong}");
        }
    }
}
