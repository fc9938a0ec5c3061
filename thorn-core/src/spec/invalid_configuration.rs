//! The errors in configured subscriptions.

use std::fmt;

/// Configured subscriptions can't be used, and nothing was changed. The error shows no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidConfiguration {
    /// The configuration's name.
    pub source: String,
    /// The errors, each with the number of its entry, counted from 1.
    pub mistakes: Vec<String>,
}

impl fmt::Display for InvalidConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configured subscriptions of `{}` can't be used:", self.source)?;
        self.mistakes.iter().try_for_each(|mistake| write!(f, "\n  {mistake}"))
    }
}

impl std::error::Error for InvalidConfiguration {}
