//! The handshake of the [HTTP webhooks] of CloudEvents: an endpoint says whether it wants events, and how many.
//!
//! [HTTP webhooks]: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/http-webhook.md

use http::{HeaderMap, StatusCode};

use crate::spec::Rate;

/// The header with the name of the sender.
pub(crate) const REQUEST_ORIGIN: &str = "webhook-request-origin";

/// The header with the rate that the sender wishes for, in deliveries a minute.
pub(crate) const REQUEST_RATE: &str = "webhook-request-rate";

const ALLOWED_ORIGIN: &str = "webhook-allowed-origin";
const ALLOWED_RATE: &str = "webhook-allowed-rate";

/// The consent of an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Consent {
    /// The most deliveries in a minute; `None` sets no limit.
    pub rate: Option<Rate>,
}

/// An endpoint gave no consent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsentRefused {
    /// The answer isn't a consent, or there is none.
    #[error("the endpoint doesn't consent to CloudEvents: {0}")]
    Endpoint(String),
    /// Too many endpoints are being asked.
    #[error("too many endpoints are being asked for their consent; try again soon")]
    Busy,
    /// This build or this process can't ask.
    #[error("can't ask the endpoint for its consent: {0}")]
    Unable(String),
}

impl Consent {
    /// Reads the answer to a request from `origin`.
    pub(crate) fn read(origin: &str, status: StatusCode, headers: &HeaderMap) -> Result<Self, ConsentRefused> {
        let refused = |reason: String| Err(ConsentRefused::Endpoint(reason));
        if !status.is_success() {
            return refused(format!("OPTIONS answered {}", status.as_u16()));
        }
        let mut allowed = headers.get_all(ALLOWED_ORIGIN).iter().filter_map(|value| value.to_str().ok());
        if !allowed.any(|allowed| allowed.trim() == "*" || allowed.trim().eq_ignore_ascii_case(origin)) {
            return refused(format!("the answer to OPTIONS has no `WebHook-Allowed-Origin` with `{origin}` or `*`"));
        }
        let rate = headers.get(ALLOWED_RATE).map(|value| value.to_str().unwrap_or_default().trim());
        match rate {
            None | Some("*") => Ok(Self { rate: None }),
            Some(text) => match text.parse().ok().and_then(Rate::of_minute) {
                Some(rate) => Ok(Self { rate: Some(rate) }),
                None => refused(format!("`WebHook-Allowed-Rate` is `{}`", text.escape_debug())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Period;

    fn read(status: u16, headers: &[(&'static str, &'static str)]) -> Result<Consent, ConsentRefused> {
        let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
        Consent::read("thorn.example", StatusCode::from_u16(status).unwrap(), &headers)
    }

    #[test]
    fn ce8_only_the_origin_or_a_star_is_a_consent() {
        for good in ["thorn.example", "Thorn.Example", "*", " * "] {
            assert_eq!(read(200, &[(ALLOWED_ORIGIN, good)]), Ok(Consent { rate: None }), "{good}");
        }
        for bad in ["", "other.example", "thorn.example.evil.example", "*.example"] {
            assert!(read(200, &[(ALLOWED_ORIGIN, bad)]).is_err(), "{bad}");
        }
        assert!(read(200, &[]).is_err());
        for status in [301, 404, 405, 500] {
            assert!(read(status, &[(ALLOWED_ORIGIN, "*")]).is_err(), "{status}");
        }
    }

    #[test]
    fn ce8_the_allowed_rate_is_in_deliveries_a_minute() {
        let with = |rate| read(200, &[(ALLOWED_ORIGIN, "*"), (ALLOWED_RATE, rate)]);
        assert_eq!(with("120"), Ok(Consent { rate: Rate::new(120, Period::Minute) }));
        assert_eq!(with("60059"), Ok(Consent { rate: Rate::new(1000, Period::Second) }));
        assert_eq!(with("99999999999"), Ok(Consent { rate: Rate::new(10_000, Period::Second) }));
        assert_eq!(with("*"), Ok(Consent { rate: None }));
        for bad in ["0", "-1", "many", "1.5", ""] {
            assert!(with(bad).is_err(), "{bad}");
        }
    }
}
