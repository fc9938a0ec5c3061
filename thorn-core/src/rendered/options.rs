//! How the deliveries of one event differ from the worker's defaults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::raw::RawHead;
use crate::{
    attempt::RetryPolicy, guard::Validator, headers::ExtraHeaders, headers::InvalidHeader, invalid::InvalidOption,
};

/// An option of an event is invalid, or a header can't be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEventOptions {
    /// A timeout, retry policy or validator is invalid.
    #[error(transparent)]
    Option(#[from] InvalidOption),
    /// A header can't be sent.
    #[error(transparent)]
    Header(#[from] InvalidHeader),
}

/// Options that travel with an event to its deliveries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventOptions {
    /// The total deadline of one attempt. `None` means the worker's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// How failed deliveries are retried. `None` means the worker's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// Headers added to every delivery.
    #[serde(skip_serializing_if = "ExtraHeaders::is_empty")]
    pub headers: ExtraHeaders,
    /// Whether a delivery may share its connection with other deliveries. Default: `true`.
    #[serde(skip_serializing_if = "is_true")]
    pub keep_alive: bool,
    /// The validators of recipients, which replace the worker's validators. `None` means the worker's validators.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validators: Option<Vec<Validator>>,
    /// Whether the event is one of Thorn's own events.
    #[serde(rename = "own", skip_serializing_if = "std::ops::Not::not")]
    pub(crate) internal: bool,
    /// The head of a raw event. `None` is an enveloped event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) raw: Option<Box<RawHead>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_true(flag: &bool) -> bool {
    *flag
}

impl Default for EventOptions {
    fn default() -> Self {
        Self {
            timeout: None,
            retry: None,
            headers: ExtraHeaders::default(),
            keep_alive: true,
            validators: None,
            internal: false,
            raw: None,
        }
    }
}

impl EventOptions {
    /// Whether every option has its default, so that nothing needs to be stored.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Checks every option.
    ///
    /// # Errors
    ///
    /// [`InvalidEventOptions::Option`] if the timeout is zero, or if the retry policy or a validator is invalid.
    /// [`InvalidEventOptions::Header`] if a header can't be sent.
    pub fn check(&self) -> Result<(), InvalidEventOptions> {
        if self.timeout == Some(Duration::ZERO) {
            return Err(InvalidEventOptions::Option(InvalidOption {
                option: "timeout",
                reason: "it is 0; give a positive duration".into(),
            }));
        }
        if let Some(retry) = &self.retry {
            retry.check()?;
        }
        self.validators.iter().flatten().try_for_each(Validator::check)?;
        Ok(self.headers.check()?)
    }

    /// Reads stored options. If this release can't read them, it uses the defaults, so that the event is still sent.
    /// If the unreadable options mention validators, it refuses every recipient instead.
    pub(crate) fn of_stored(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_else(|error| {
            tracing::warn!(%error, "an event's options can't be read, using the defaults");
            let validators = text.contains("\"validators\"").then(|| vec![Validator::Unknown(String::new())]);
            Self { validators, ..Self::default() }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_170_validators_that_cant_be_read_block_and_other_options_are_left_out() {
        assert_eq!(EventOptions::of_stored(r#"{"timeout":"soon"}"#), EventOptions::default());
        for text in [r#"{"validators":1}"#, r#"{"timeout":"soon","validators":["protocols=https"]}"#] {
            let validators = EventOptions::of_stored(text).validators.unwrap();
            assert!(matches!(validators[..], [Validator::Unknown(_)]), "{text}");
        }
        let known = EventOptions::of_stored(r#"{"validators":["protocols=https"]}"#);
        assert_eq!(known.validators, Some(vec![Validator::protocols(["https"])]));
    }
}
