//! How an attempt ended. A failed delivery is data, not an error.

use std::{fmt, str::FromStr, time::Duration};

use crate::timestamp::Timestamp;

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

/// The text names no outcome.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown outcome `{0}`; use delivered, rejected, timed_out, unreachable or blocked")]
pub struct ParseOutcomeError(String);

impl Outcome {
    /// Every outcome, the good one first.
    pub const ALL: [Self; 5] = [Self::Delivered, Self::Rejected, Self::TimedOut, Self::Unreachable, Self::Blocked];

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

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Outcome {
    type Err = ParseOutcomeError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == s).ok_or_else(|| ParseOutcomeError(s.to_owned()))
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
    /// The start of the response's body, 4 KiB unless configured otherwise, lossily decoded and without
    /// NUL characters; `None` if it is empty.
    pub response: Option<String>,
    /// What went wrong, for a person.
    pub error: Option<String>,
    /// How long the receiver asked to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
}

impl Attempt {
    /// How long it took, as it is stored.
    pub(crate) fn duration_ms(&self) -> i32 {
        i32::try_from(self.duration.as_millis()).unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_read_back_from_the_table() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.to_string().parse(), Ok(outcome));
        }
        assert!("lost".parse::<Outcome>().unwrap_err().to_string().contains("`lost`"));
    }
}
