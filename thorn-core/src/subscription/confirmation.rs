//! What an owner's endpoint says about the deliveries of a subscription, and how it is asked.

use std::{fmt, str::FromStr};

use crate::{attempt::Outcome, intent::IntentMode, spec::Dialect};

/// How the endpoints of owners are asked whether they want deliveries (`THORN_CONFIRM`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confirm {
    /// They aren't asked.
    #[default]
    Off,
    /// A signed request with a challenge, which the endpoint sends back.
    Challenge,
    /// The handshake of CloudEvents: OPTIONS with `WebHook-Request-Origin`.
    Options,
}

/// A text is no way to ask endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {EXPECTED}")]
pub struct ParseConfirmError;

/// The forms of the variable.
pub(crate) const EXPECTED: &str = "off, challenge or options";

impl Confirm {
    const ALL: [Self; 3] = [Self::Off, Self::Challenge, Self::Options];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Challenge => "challenge",
            Self::Options => "options",
        }
    }

    /// How an endpoint is asked that gets this dialect. Only the handshake says whether it takes CloudEvents.
    pub(super) fn mode(self, dialect: Dialect) -> Option<IntentMode> {
        match self {
            Self::Off => None,
            Self::Challenge if !dialect.is_cloud_events() => Some(IntentMode::Challenge),
            Self::Challenge | Self::Options => Some(IntentMode::Options),
        }
    }
}

impl fmt::Display for Confirm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Confirm {
    type Err = ParseConfirmError;

    fn from_str(text: &str) -> Result<Self, ParseConfirmError> {
        Self::ALL.into_iter().find(|one| one.as_str().eq_ignore_ascii_case(text)).ok_or(ParseConfirmError)
    }
}

/// What an owner's endpoint has said about the deliveries of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirmation {
    /// It is being asked. Deliveries are kept meanwhile.
    Pending,
    /// It wants them.
    Confirmed,
    /// It doesn't want them, or hasn't answered in time. The subscription matches no events.
    Refused {
        /// The outcome of the last question; `None` if there was none, because its host was asked too often.
        outcome: Option<Outcome>,
    },
}

pub(super) const PENDING: &str = "pending";
pub(super) const CONFIRMED: &str = "confirmed";
const REFUSED: &str = "refused";

impl Confirmation {
    /// The word that the REST API shows.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => PENDING,
            Self::Confirmed => CONFIRMED,
            Self::Refused { .. } => REFUSED,
        }
    }

    /// The outcome of a refusal.
    #[must_use]
    pub const fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Refused { outcome } => outcome,
            Self::Pending | Self::Confirmed => None,
        }
    }

    /// The text in the database: the word, and the outcome after a space.
    pub(super) fn stored(self) -> String {
        match self.outcome() {
            Some(outcome) => format!("{} {outcome}", self.as_str()),
            None => self.as_str().to_owned(),
        }
    }

    /// Reads the text in the database.
    pub(super) fn of_stored(text: &str) -> Option<Self> {
        let (word, outcome) = text.split_once(' ').map_or((text, None), |(word, outcome)| (word, Some(outcome)));
        let outcome = outcome.map(str::parse).transpose().ok()?;
        match (word, outcome) {
            (PENDING, None) => Some(Self::Pending),
            (CONFIRMED, None) => Some(Self::Confirmed),
            (REFUSED, outcome) => Some(Self::Refused { outcome }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_read_back_and_nothing_else_is_read() {
        let refused = Outcome::ALL.into_iter().map(Some).chain([None]).map(|outcome| Confirmation::Refused { outcome });
        for one in refused.chain([Confirmation::Pending, Confirmation::Confirmed]) {
            assert_eq!(Confirmation::of_stored(&one.stored()), Some(one));
            assert!(one.stored().len() <= 32, "the column's width");
        }
        for bad in ["", "pending rejected", "confirmed ", "refused ", "refused no", "Pending"] {
            assert_eq!(Confirmation::of_stored(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_setting_is_read_in_any_case() {
        for one in Confirm::ALL {
            assert_eq!(one.to_string().to_uppercase().parse(), Ok(one));
        }
        assert_eq!("yes".parse::<Confirm>(), Err(ParseConfirmError));
    }
}
