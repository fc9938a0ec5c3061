//! How the deliveries of one event differ from the worker's defaults.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::ExtraHeaders;
use crate::{Error, delivery::RetryPolicy};

/// Options that travel with an event to its deliveries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// Whether it is one of thorn's own events.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) own: bool,
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
    /// [`Error::Option`] for a timeout of zero or a senseless retry policy, [`Error::Header`].
    pub fn check(&self) -> Result<(), Error> {
        if self.timeout == Some(Duration::ZERO) {
            return Err(Error::Option { option: "timeout", reason: "it is 0; give a positive duration".into() });
        }
        if let Some(retry) = &self.retry {
            retry.check()?;
        }
        self.headers.check()
    }
}
