//! A setting or option with a value that makes no sense.

/// A setting or option has a value that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid {option}: {reason}")]
pub struct InvalidOption {
    /// Its name.
    pub option: &'static str,
    /// What is wrong, and what is allowed.
    pub reason: String,
}
