//! Exchanges that came to no response.

use std::{error::Error as StdError, iter};

use http::header::InvalidHeaderValue;

use crate::{attempt::Outcome, guard::TargetError};

/// Characters of a reason; parts of it (names in a certificate) are the other side's to choose.
const LONGEST_REASON: usize = 500;

/// Why there is no response, as an outcome and for a person.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    pub(super) reason: String,
}

impl Failure {
    /// Tells what an error of reqwest means for a request to the given port.
    pub(super) fn of_exchange(error: &reqwest::Error, port: u16) -> Self {
        if let Some(refused) = chain(error).find_map(|cause| cause.downcast_ref::<TargetError>()) {
            return match refused {
                // The resolver, which says this, knows only that the port is a closed one.
                TargetError::Port { .. } => TargetError::Port { port }.into(),
                other => other.clone().into(),
            };
        }
        let outcome = if error.is_timeout() { Outcome::TimedOut } else { Outcome::Unreachable };
        Self { outcome, reason: reason(error) }
    }
}

impl From<TargetError> for Failure {
    fn from(error: TargetError) -> Self {
        let outcome = match error {
            TargetError::Unresolvable { .. } => Outcome::Unreachable,
            _ => Outcome::Blocked,
        };
        Self { outcome, reason: readable(&error.to_string()) }
    }
}

impl From<InvalidHeaderValue> for Failure {
    fn from(_: InvalidHeaderValue) -> Self {
        Self { outcome: Outcome::Unreachable, reason: "a header of the delivery can't be sent".to_owned() }
    }
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// The causes of an error, outermost first. reqwest's own text is left out where there is another: it
/// names the URL, whose path or query may be a secret, and says no more than that sending failed.
fn reason(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    for cause in chain(error).skip(1) {
        let text = cause.to_string();
        if parts.iter().all(|part| !part.contains(&text)) {
            parts.push(text);
        }
    }
    if parts.is_empty() {
        parts.push(if error.is_builder() { "the URL can't be sent to" } else { "the exchange failed" }.to_owned());
    }
    readable(&parts.join(": "))
}

fn readable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_REASON).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_guard_refuses_is_blocked_and_what_has_no_address_is_unreachable() {
        assert_eq!(Failure::from(TargetError::Credentials).outcome, Outcome::Blocked);
        let gone = TargetError::Unresolvable { host: "a.test".into(), reason: "no such host".into() };
        assert_eq!(Failure::from(gone).outcome, Outcome::Unreachable);
    }

    #[test]
    fn reasons_are_short_and_printable() {
        assert_eq!(readable("a\0b\r\nc"), "abc");
        assert_eq!(readable(&"é".repeat(9000)).chars().count(), LONGEST_REASON);
    }
}
