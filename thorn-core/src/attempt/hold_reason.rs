//! Why a hold began.

use std::fmt;

use serde::Serialize;

use super::{Attempt, Outcome};

/// Why a hold began: how the attempt went that began it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HoldReason {
    /// The receiver asked for a pause: a response 429 or 503 with `Retry-After`.
    Asked,
    /// Attempts kept failing, and the receiver answered the last of them with a status that isn't 2xx.
    Rejected,
    /// Attempts kept failing, and the last of them got no complete response in time.
    TimedOut,
    /// Attempts kept failing, and the last of them reached no receiver.
    Unreachable,
    /// Attempts kept failing, and the [target guard](crate::guard::TargetGuard) refused the address of the last of them.
    Blocked,
}

impl HoldReason {
    /// Every reason.
    pub const ALL: [Self; 5] = [Self::Asked, Self::Rejected, Self::TimedOut, Self::Unreachable, Self::Blocked];

    /// The word that tables store and the REST API shows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Rejected => Outcome::Rejected.as_str(),
            Self::TimedOut => Outcome::TimedOut.as_str(),
            Self::Unreachable => Outcome::Unreachable.as_str(),
            Self::Blocked => Outcome::Blocked.as_str(),
        }
    }

    /// The reason of a hold that this attempt begins.
    pub(crate) fn of(attempt: &Attempt) -> Self {
        match attempt.outcome {
            _ if attempt.asks_for_a_pause() => Self::Asked,
            Outcome::Delivered | Outcome::Rejected => Self::Rejected,
            Outcome::TimedOut => Self::TimedOut,
            Outcome::Unreachable => Self::Unreachable,
            Outcome::Blocked => Self::Blocked,
        }
    }

    /// The reason with this [word](Self::as_str).
    pub(crate) fn of_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

impl fmt::Display for HoldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::timestamp::Timestamp;

    fn attempt(outcome: Outcome, status: Option<u16>, retry_after: Option<u64>) -> Attempt {
        Attempt {
            outcome,
            attempted_at: Timestamp::now(),
            duration: Duration::ZERO,
            status,
            response: None,
            error: None,
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    #[test]
    fn a_receiver_that_asks_for_a_pause_is_told_from_one_that_fails() {
        for (outcome, status, retry_after, reason) in [
            (Outcome::Rejected, Some(429), Some(9), HoldReason::Asked),
            (Outcome::Rejected, Some(503), Some(9), HoldReason::Asked),
            (Outcome::Rejected, Some(429), Some(0), HoldReason::Rejected),
            (Outcome::Rejected, Some(503), None, HoldReason::Rejected),
            (Outcome::Rejected, Some(500), Some(9), HoldReason::Rejected),
            (Outcome::TimedOut, None, None, HoldReason::TimedOut),
            (Outcome::Unreachable, None, None, HoldReason::Unreachable),
            (Outcome::Blocked, None, None, HoldReason::Blocked),
        ] {
            assert_eq!(HoldReason::of(&attempt(outcome, status, retry_after)), reason);
        }
    }

    #[test]
    fn reasons_are_stored_and_serialized_as_the_same_words() {
        for reason in HoldReason::ALL {
            assert_eq!(HoldReason::of_stored(reason.as_str()), Some(reason));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
        assert_eq!(HoldReason::of_stored("delivered"), None);
    }
}
