//! How an attempt ended. A failed delivery is data, not an error.

use std::time::Duration;

use crate::Timestamp;

/// How one attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The receiver answered 2xx.
    Delivered,
    /// The receiver answered anything else; redirects are not followed.
    Rejected,
    /// The total deadline passed before the response was complete.
    TimedOut,
    /// No usable response: name resolution, connection, TLS or protocol failed.
    Unreachable,
    /// The target guard refused the address.
    Blocked,
}

impl Outcome {
    /// The word stored in the tables and shown by the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Rejected => "rejected",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Blocked => "blocked",
        }
    }
}

/// One HTTP request and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// How it ended.
    pub outcome: Outcome,
    /// When it began.
    pub attempted_at: Timestamp,
    /// How long it took.
    pub duration: Duration,
    /// Status of the response, if there was one.
    pub status: Option<u16>,
    /// The start of the response's body (4 KiB at most), lossily decoded.
    pub response: Option<String>,
    /// What went wrong, for a person.
    pub error: Option<String>,
    /// How long the receiver asked to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
}
