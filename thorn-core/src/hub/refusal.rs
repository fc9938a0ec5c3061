//! The reasons why the hub refuses a request. Nothing is stored then, and nobody is asked.

use std::time::Duration;

use crate::error::Error;

/// The reason why the hub refuses a request. The message is for the subscriber.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HubRefusal {
    /// A parameter has a wrong value.
    #[error("{name}: {reason}")]
    Parameter {
        /// The parameter's name.
        name: &'static str,
        /// The fault of its value.
        reason: String,
    },
    /// The hub doesn't distribute the topic.
    #[error("hub.topic: this hub doesn't distribute this topic")]
    UnknownTopic,
    /// There are too many requests for the callback's host, or its verifications fail all the time.
    #[error("hub.callback: {reason}; try again in {} seconds", wait.as_secs() + 1)]
    TooMany {
        /// The bound that is reached.
        reason: &'static str,
        /// How long the subscriber should wait.
        wait: Duration,
    },
    /// The hub has no place for another subscription.
    #[error("{0}")]
    Full(&'static str),
}

/// A request to the hub had no success.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// The hub refuses the request.
    #[error(transparent)]
    Refused(#[from] HubRefusal),
    /// Thorn failed.
    #[error(transparent)]
    Thorn(#[from] Error),
}

impl From<sea_orm::DbErr> for HubError {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Thorn(error.into())
    }
}
