//! The outcome of an attempt. A failed attempt is data, not an error.

use std::{fmt, str::FromStr, time::Duration};

use crate::timestamp::Timestamp;

/// The outcome of one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The receiver answered with status 2xx.
    Delivered,
    /// The receiver answered with another status. Thorn doesn't follow redirects.
    Rejected,
    /// The timeout passed before the response was complete.
    TimedOut,
    /// There was no usable response: name resolution, the connection, TLS or the HTTP protocol failed.
    Unreachable,
    /// The [target guard](crate::guard::TargetGuard) refused the address.
    Blocked,
}

/// The text isn't the name of an [`Outcome`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown outcome `{0}`; use delivered, rejected, timed_out, unreachable or blocked")]
pub struct ParseOutcomeError(String);

impl Outcome {
    /// Every outcome, beginning with success.
    pub const ALL: [Self; 5] = [Self::Delivered, Self::Rejected, Self::TimedOut, Self::Unreachable, Self::Blocked];

    /// The word that tables store and the REST API shows.
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

/// One HTTP request and its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The outcome.
    pub outcome: Outcome,
    /// The time when the attempt began.
    pub attempted_at: Timestamp,
    /// The time from the start of the attempt to its end.
    pub duration: Duration,
    /// The HTTP status of the response, if there was a response.
    pub status: Option<u16>,
    /// The start of the response body, or `None` if the body is empty.
    ///
    /// At most 4 KiB are kept by default. Invalid UTF-8 is replaced, and NUL characters are removed.
    pub response: Option<String>,
    /// The error, as a message for a person.
    pub error: Option<String>,
    /// The wait that the receiver asked for with `Retry-After` (RFC 9110, section 10.2.3).
    pub retry_after: Option<Duration>,
}

impl Attempt {
    /// The duration in milliseconds, as tables store it.
    pub(crate) fn duration_ms(&self) -> i32 {
        i32::try_from(self.duration.as_millis()).unwrap_or(i32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_is_parsed_from_its_stored_word() {
        for outcome in Outcome::ALL {
            assert_eq!(outcome.to_string().parse(), Ok(outcome));
        }
        assert!("lost".parse::<Outcome>().unwrap_err().to_string().contains("`lost`"));
    }
}
