//! Exchanges that ended without a complete response.

use std::{error::Error as StdError, iter};

use http::header::InvalidHeaderValue;

use crate::{attempt::Outcome, guard::TargetError};

/// The maximum length of a reason, in characters. The receiver chooses parts of a reason, such as the names in
/// its certificate.
const LONGEST_REASON: usize = 500;

/// Why the exchange failed: an outcome, and a reason for a person.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) outcome: Outcome,
    pub(super) reason: String,
}

impl Failure {
    /// Converts reqwest's error for a request to the given port.
    pub(super) fn of_exchange(error: &reqwest::Error, port: u16) -> Self {
        if let Some(refused) = chain(error).find_map(|cause| cause.downcast_ref::<TargetError>()) {
            return match refused {
                // The error comes from the resolver, which knows only that the port is closed and not its number.
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

/// The causes of an error, outermost first. The reason leaves out reqwest's own text, because it contains the URL.
/// The URL's path or query may be a secret, and the text says only that sending failed.
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
