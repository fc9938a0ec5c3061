//! Exchanges that ended without a complete response.

use std::{error::Error as StdError, io, iter};

use http::header::InvalidHeaderValue;
use rustls::AlertDescription;

use super::{
    exchange::{Ended, ExchangeError},
    watch::MANY,
};
use crate::{attempt::Outcome, guard::TargetError, printable::acts_on_terminals};

/// The maximum length of a reason, in characters. The receiver chooses parts of a reason, such as the names in
/// its certificate.
const LONGEST_REASON: usize = 500;

/// The reason if a receiver offers HTTP/2 and nothing else.
const ONLY_HTTP_2: &str =
    "the receiver accepts only HTTP/2, and deliveries use HTTP/1.1; let its server offer `http/1.1` in ALPN, too";

/// hyper's text for a response that doesn't begin with `HTTP/1.1` or `HTTP/1.0`.
const NOT_HTTP_1: &str = "invalid HTTP version parsed";

/// hyper's text for a response with too many header lines, or too many bytes of them.
const LONG_HEAD: &str = "message head is too large";

/// Why the exchange failed: an outcome, and a reason for a person.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) outcome: Outcome,
    pub(crate) reason: String,
}

impl Failure {
    pub(super) fn of_exchange(error: &ExchangeError) -> Self {
        let error = match error {
            ExchangeError::Http(error) => error,
            ExchangeError::Ended(why) => return Self { outcome: Outcome::Unreachable, reason: ended(*why) },
        };
        if let Some(refused) = chain(error).find_map(|cause| cause.downcast_ref::<TargetError>()) {
            return refused.clone().into();
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

/// Whether the response has more header lines, or more bytes of them, than hyper takes.
pub(super) fn has_long_head(error: &reqwest::Error) -> bool {
    chain(error).any(|cause| cause.to_string().contains(LONG_HEAD))
}

/// Whether the receiver refused the only protocol that the client offers in ALPN.
fn refuses_http_1(error: &reqwest::Error) -> bool {
    chain(error).filter_map(tls_error).any(|error| {
        matches!(
            error,
            rustls::Error::NoApplicationProtocol
                | rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)
        )
    })
}

/// The TLS error that this error is or wraps. The source of an `io::Error` isn't the error inside it, but that error's
/// own source.
fn tls_error<'a>(mut error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    while let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        error = inner;
    }
    error.downcast_ref()
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    iter::successors(Some(error), |&error| error.source())
}

/// The causes of an error, outermost first. The reason leaves out reqwest's own text, because it contains the URL.
/// The URL's path or query may be a secret, and the text says only that sending failed.
fn reason(error: &reqwest::Error) -> String {
    if refuses_http_1(error) {
        return ONLY_HTTP_2.to_owned();
    }
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
    let mut reason = parts.join(": ");
    if reason.contains(NOT_HTTP_1) {
        reason.push_str("; the response isn't HTTP/1.1, which every receiver must speak");
    }
    readable(&reason)
}

/// The reason if the [`Watch`](super::watch::Watch) has ended the exchange.
fn ended(why: Ended) -> String {
    match why {
        Ended::Flooded => format!(
            "the receiver sent more than {} KiB before its response could be read, as if it streamed `100 Continue`",
            MANY / 1_024
        ),
        Ended::BesideFlood => {
            "another endpoint of the same owner sent without end, so thorn ended all requests of the owner that had no response"
                .to_owned()
        }
    }
}

fn readable(text: &str) -> String {
    text.chars().filter(|c| !acts_on_terminals(*c)).take(LONGEST_REASON).collect()
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
        assert_eq!(readable("a\0b\r\n\u{9b}\u{202e}c"), "abc");
        assert_eq!(readable(&"é".repeat(9000)).chars().count(), LONGEST_REASON);
    }
}
