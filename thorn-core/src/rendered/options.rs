//! How the deliveries of one event differ from the worker's defaults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    attempt::RetryPolicy, guard::Validator, headers::ExtraHeaders, headers::InvalidHeader, invalid::InvalidOption,
};

/// An option of an event makes no sense, or a header can't be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEventOptions {
    /// A timeout, retry policy or validator.
    #[error(transparent)]
    Option(#[from] InvalidOption),
    /// A header.
    #[error(transparent)]
    Header(#[from] InvalidHeader),
}

/// Options that travel with an event to its deliveries.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventOptions {
    /// Total deadline of one attempt; `None` is the worker's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
    /// How failures are retried; `None` is the worker's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry: Option<RetryPolicy>,
    /// Headers added to every delivery.
    #[serde(skip_serializing_if = "ExtraHeaders::is_empty")]
    pub headers: ExtraHeaders,
    /// Whether a delivery may share its connection with others; default true.
    #[serde(skip_serializing_if = "is_true")]
    pub keep_alive: bool,
    /// Rules for recipients in place of the worker's; `None` are the worker's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validators: Option<Vec<Validator>>,
    /// Whether it is one of thorn's own events.
    #[serde(rename = "own", skip_serializing_if = "std::ops::Not::not")]
    pub(crate) internal: bool,
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
        }
    }
}

impl EventOptions {
    /// Whether nothing differs from the defaults, so that nothing needs to be stored.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Checks every option.
    ///
    /// # Errors
    ///
    /// [`InvalidEventOptions::Option`] for a timeout of zero, a senseless retry policy or validator, [`InvalidEventOptions::Header`].
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

    /// Reads stored options. An option that this release can't read is left out rather than keeping the event
    /// from being sent; but validators that can't be read refuse every recipient.
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
